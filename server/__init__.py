"""The collector: one Django app, files named by step."""
