"""The browser extension (`web/`), and the small program through which it speaks to the service (`host.py`)."""
