"""One file a list format: each reads lines and yields entries or refusals."""
