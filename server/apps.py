"""The collector as a Django app: puts sign-in events on the audit log from the moment that it is loaded."""

from __future__ import annotations

from django.apps import AppConfig


class Collector(AppConfig):
    """Connects what allauth reports; the models are in `server.store`."""

    name = "server"
    label = "collector"

    def ready(self) -> None:
        """Listen to sign-ins and second factors."""
        from server import sign_in_record  # late: it needs the models

        sign_in_record.listen()
