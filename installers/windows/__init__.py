"""The Windows package, by which IT deploys the agent."""
