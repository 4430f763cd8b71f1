"""The files, the profile and the script by which a Mac builds the agent's package; none was built here."""
