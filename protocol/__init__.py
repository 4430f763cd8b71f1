"""What the actors say to each other. FORMAT.md is the rule; this package is its first reader."""
