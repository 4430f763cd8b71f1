"""The device API over WSGI (a stub until it is written)."""

PREFIXES = ("/v1/", "/publication/")


def device_api(environ, start_response):
    start_response("503 Busy", [])
    return []
