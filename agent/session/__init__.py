"""The part that runs as the signed-in person: the app in front, idle time and the notice."""
