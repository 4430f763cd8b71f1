"""Packs the browser extension, and writes the files by which IT has browsers install it."""
