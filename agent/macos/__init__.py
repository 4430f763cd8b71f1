"""What is asked of macOS alone; nothing of it was run on a Mac, and each file says how it was tried."""
