"""The tool of the custodians and leads, on their own computers: ceremony, sign, open."""
