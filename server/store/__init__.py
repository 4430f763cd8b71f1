"""Where the collector keeps things: models and migrations."""
