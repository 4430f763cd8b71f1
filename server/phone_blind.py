"""What can't be seen on a phone or computer behind the gateway, in plain sentences, by its platform."""

from __future__ import annotations

from django.utils.translation import gettext


def cannot_see(platform: str, *, supervised: bool, failover: bool) -> tuple[str, ...]:
    """Return the sentences for one platform, those that matter most first."""
    found = [
        gettext("Minutes: from names nobody can count how long a site or an app was used."),
        gettext("Whether a person opened a page or an app asked by itself: so each case says how likely a visit is."),
        gettext("What goes through a VPN app, or through an app that has a resolver of its own."),
    ]
    if platform in ("ios", "macos"):
        found.append(
            gettext("Names while iCloud Private Relay is on; a fleet tool can forbid it on supervised devices.")
        )
        found.append(
            gettext(
                "Names on mobile data, where a fleet tool installed the profile: it then covers managed Wi-Fi only."
            )
        )
        found.append(
            gettext("Which app is open and for how long: Apple lets nobody export that, not even a fleet tool.")
        )
        if not supervised:
            found.append(
                gettext("Anything after the person turned the profile off: it is not supervised, so they can.")
            )
    if platform == "android":
        found.append(
            gettext("That it was this phone for sure: its host’s name can be read on the way (“identity unproven”).")
        )
        found.append(gettext("What is in a work profile on a personal phone: it can’t be set there."))
        if not supervised:
            found.append(
                gettext(
                    "Anything after the person changed Private DNS in the settings: it is not managed, so they can."
                )
            )
    if platform == "chromeos":
        found.append(gettext("What Android apps on it, and guests, look up elsewhere."))
    if platform == "windows":
        found.append(gettext("What programs look up after whoever administers the computer undid the setting."))
    if failover:
        found.append(
            gettext(
                "Names while no gateway answers: the phone then asks the network’s own resolver, and keeps working."
            )
        )
    return tuple(found)
