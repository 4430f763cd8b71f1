"""The pages: one file a room, and who may enter it. Pages say nothing that a domain function did not allow."""
