"""What puts Fairwatch on computers: see README.md."""
