"""Finds a device by what somebody types on the collector's console: its name, or its id where names are shared."""

from __future__ import annotations

from uuid import UUID

from server.errors import SetUpError
from server.store.models import Device


def find(name: str, *, phone: bool) -> Device:
    """Return the phone, or the device that reports by itself; raises SetUpError where it is none or several."""
    rows = Device.objects.filter(public_key__isnull=phone)
    try:
        found = list(rows.filter(pk=UUID(name)))
    except ValueError:
        found = list(rows.filter(name=name, successor=None)[:2])
    if not found:
        raise SetUpError(f"no {'phone' if phone else 'device'} is called {name!r}")
    if len(found) > 1:
        raise SetUpError(f"several are called {name!r}: give the id, as --json lists it")
    return found[0]
