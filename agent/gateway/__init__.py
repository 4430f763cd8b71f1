"""The agent's pipeline behind an encrypted-DNS listener, for phones."""
