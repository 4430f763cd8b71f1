"""Say times and log entries in words."""

from __future__ import annotations

from datetime import datetime, timedelta

from server.category_names import category, category_names

__all__ = ["ACTIONS", "ago", "category", "category_names", "span"]

_UNITS = ((365 * 24 * 60, "year"), (24 * 60, "day"), (60, "hour"), (1, "minute"))

ACTIONS = {
    "evidence_released": "Opened the evidence",
    "note_added": "Wrote a note",
    "trial_counts_opened": "Opened the counts of lists on trial",
    "incident_closed": "Closed the case",
    "incident_acknowledged": "Acknowledged the case",
    "incident_assigned": "Gave the case to somebody",
    "incident_let_go": "Let go of the case",
    "incident_reopened": "Reopened the case",
    "incident_came_back": "The case came back on its day",
    "incident_merged": "Made the case a part of another",
    "incident_taken_apart": "Took the case apart from another",
    "incident_shared": "Handed the case to one more reader",
    "concern_recorded": "Recorded a concern",
    "urgent_card_changed": "Changed the card “what to do now”",
    "lead_key_made": "Made a key",
    "cases_shared": "Shared older cases with a lead’s key",
    "cases_recovered": "Took in cases that custodians recovered",
    "recovery_file_saved": "Saved the file for the custodians’ recovery",
    "passkey_added": "Added a passkey for unlocking a key",
    "passkey_removed": "Removed a passkey for unlocking a key",
    "device_enrolled": "Enrolled",
    "device_revoked": "Withdrew the device",
    "list_released": "Released a list that was held back",
    "people_imported": "Imported people",
    "notify_settings_changed": "Changed how they are told",
    "notify_channel_added": "Added a way to be told",
    "notify_channel_removed": "Removed a way to be told",
    "absence_entered": "Entered an absence",
    "absence_ended": "Took out an absence",
    "token_registered": "Registered an enrolment token",
    "audit_exported": "Exported this log",
    "head_missing": "A browser remembers a line that this log no longer has",
    "initialised": "Made this collector",
    "published": "Published signed rules",
    "deleted_on_time": "Deleted what was due",
    "user_added": "Added somebody who signs in",
    "user_changed": "Changed somebody who signs in",
    "signed_in": "Signed in",
    "signed_out": "Signed out",
    "password_changed": "Changed their password",
}
"""The log's fixed words for what was done, as a reader says them; others show as they stand."""


def action_words(action: str) -> str:
    """Return what was done, as a reader says it."""
    return ACTIONS.get(action, action.replace("_", " ").capitalize())


def span(duration: timedelta) -> str:
    """Return a duration in its largest unit: "3 days", "1 hour", "under a minute"."""
    minutes = int(duration.total_seconds() // 60)
    for size, unit in _UNITS:
        if minutes >= size:
            count = minutes // size
            return f"{count} {unit}{'s' if count != 1 else ''}"
    return "under a minute"


def ago(then: datetime | None, now: datetime) -> str:
    """Return when something was last heard of, in words."""
    return "never" if then is None else f"{span(now - then)} ago"
