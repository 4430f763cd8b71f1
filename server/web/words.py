"""Say times and log entries in words."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext, gettext_noop, ngettext

from server.category_names import category, category_names

__all__ = ["ACTIONS", "ago", "category", "category_names", "span"]

ACTIONS = {
    "evidence_released": gettext_noop("Opened the evidence"),
    "note_added": gettext_noop("Wrote a note"),
    "trial_counts_opened": gettext_noop("Opened the counts of lists on trial"),
    "incident_closed": gettext_noop("Closed the case"),
    "incident_acknowledged": gettext_noop("Acknowledged the case"),
    "incident_assigned": gettext_noop("Gave the case to somebody"),
    "incident_let_go": gettext_noop("Let go of the case"),
    "incident_reopened": gettext_noop("Reopened the case"),
    "incident_came_back": gettext_noop("The case came back on its day"),
    "incident_merged": gettext_noop("Made the case a part of another"),
    "incident_taken_apart": gettext_noop("Took the case apart from another"),
    "incident_shared": gettext_noop("Handed the case to one more reader"),
    "concern_recorded": gettext_noop("Recorded a concern"),
    "urgent_card_changed": gettext_noop("Changed the card “what to do now”"),
    "lead_key_made": gettext_noop("Made a key"),
    "cases_shared": gettext_noop("Shared older cases with a lead’s key"),
    "cases_recovered": gettext_noop("Took in cases that custodians recovered"),
    "recovery_file_saved": gettext_noop("Saved the file for the custodians’ recovery"),
    "passkey_added": gettext_noop("Added a passkey for unlocking a key"),
    "passkey_removed": gettext_noop("Removed a passkey for unlocking a key"),
    "entry_muted": gettext_noop("Muted an entry"),
    "mute_ended": gettext_noop("Ended a mute"),
    "exception_proposed": gettext_noop("Proposed an exception"),
    "exceptions_opened": gettext_noop("Opened the proposed exceptions"),
    "exception_taken_up": gettext_noop("Took a proposed exception up into the policy"),
    "exception_declined": gettext_noop("Declined a proposed exception"),
    "device_enrolled": gettext_noop("Enrolled"),
    "device_revoked": gettext_noop("Withdrew the device"),
    "device_lost": gettext_noop("Reported the device lost"),
    "device_found": gettext_noop("Reported the device found"),
    "device_held": gettext_noop("Was held, since two devices use its identity"),
    "device_muted": gettext_noop("Said that the device needs no look for a while"),
    "device_mute_ended": gettext_noop("Said that the device is to be looked at again"),
    "device_handed_on": gettext_noop("Handed the device on"),
    "device_set_up_anew": gettext_noop("Said under which identity the device goes on"),
    "phone_added": gettext_noop("Added a phone"),
    "phone_id_changed": gettext_noop("Gave the phone a new id"),
    "phone_handed_on": gettext_noop("Handed the phone on"),
    "phone_withdrawn": gettext_noop("Withdrew the phone"),
    "phone_link_made": gettext_noop("Made a one-time link for the phone"),
    "phone_link_used": gettext_noop("Used the phone’s one-time link"),
    "gateway_named": gettext_noop("Named the device a gateway"),
    "gateway_ended": gettext_noop("Took the right of a gateway away"),
    "test_asked": gettext_noop("Asked for a test of the whole way"),
    "test_failed": gettext_noop("A test of the whole way did not arrive"),
    "test_device_chosen": gettext_noop("Chose the device that makes a group’s tests"),
    "list_released": gettext_noop("Released a list that was held back"),
    "people_imported": gettext_noop("Imported people"),
    "training_imported": gettext_noop("Imported training dates"),
    "document_acknowledged": gettext_noop("Acknowledged a document"),
    "board_recorded": gettext_noop("Recorded something for the yearly review"),
    "partner_added": gettext_noop("Added a partner"),
    "partner_changed": gettext_noop("Changed a partner"),
    "partner_ended": gettext_noop("Took a partner out of the register"),
    "notify_settings_changed": gettext_noop("Changed how they are told"),
    "notify_channel_added": gettext_noop("Added a way to be told"),
    "notify_channel_removed": gettext_noop("Removed a way to be told"),
    "absence_entered": gettext_noop("Entered an absence"),
    "absence_ended": gettext_noop("Took out an absence"),
    "token_registered": gettext_noop("Registered an enrolment token"),
    "audit_exported": gettext_noop("Exported this log"),
    "head_missing": gettext_noop("A browser remembers a line that this log no longer has"),
    "initialised": gettext_noop("Made this collector"),
    "published": gettext_noop("Published signed rules"),
    "deleted_on_time": gettext_noop("Deleted what was due"),
    "go_live_ticked": gettext_noop("Ticked a point before going live"),
    "go_live_unticked": gettext_noop("Took the tick off a point before going live"),
    "certificate_put_in": gettext_noop("Put in a certificate"),
    "certificate_not_renewed": gettext_noop("Could not renew the certificate"),
    "backup_made": gettext_noop("Made a backup"),
    "backup_failed": gettext_noop("Could not finish a backup"),
    "backup_rehearsed": gettext_noop("Tried whether a backup opens"),
    "backup_restored": gettext_noop("Put a backup back"),
    "subject_request_started": gettext_noop("Wrote down a request for somebody’s data"),
    "subject_use_erased": gettext_noop("Erased a person’s totals of use, as they asked"),
    "subject_use_restricted": gettext_noop("Left a person’s use out of figures, as they asked"),
    "subject_use_counted_again": gettext_noop("Counted a person’s use again"),
    "subject_request_extended": gettext_noop("Extended the time of a request for data"),
    "subject_request_closed": gettext_noop("Closed a request for data"),
    "subject_exported": gettext_noop("Exported what is held about the person of a request"),
    "subject_decided": gettext_noop("Decided about a request for data"),
    "case_held": gettext_noop("Put the case on hold"),
    "hold_lifted": gettext_noop("Lifted the hold of the case"),
    "case_deleted": gettext_noop("Deleted a closed case whose period was over"),
    "account_cleared": gettext_noop("Took what a closed account no longer needs"),
    "user_added": gettext_noop("Added somebody who signs in"),
    "user_changed": gettext_noop("Changed somebody who signs in"),
    "signed_in": gettext_noop("Signed in"),
    "signed_out": gettext_noop("Signed out"),
    "summary_made": gettext_noop("Made a month’s summary"),
    "month_counted": gettext_noop("Handed in a month’s counts of cases"),
    "password_changed": gettext_noop("Changed their password"),
}
"""The log's fixed words for what was done, as a reader says them; others show as they stand."""


def action_words(action: str) -> str:
    """Return what was done, as a reader says it."""
    words = ACTIONS.get(action)
    return gettext(words) if words is not None else action.replace("_", " ").capitalize()


def span(duration: timedelta) -> str:
    """Return a duration in its largest unit: "3 days", "1 hour", "under a minute"."""
    minutes = int(duration.total_seconds() // 60)
    if years := minutes // (365 * 24 * 60):
        return ngettext("%(count)d year", "%(count)d years", years) % {"count": years}
    if days := minutes // (24 * 60):
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    if hours := minutes // 60:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    if minutes > 0:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return gettext("under a minute")


def ago(then: datetime | None, now: datetime) -> str:
    """Return when something was last heard of, in words."""
    return gettext("never") if then is None else gettext("%(span)s ago") % {"span": span(now - then)}
