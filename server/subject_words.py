"""The words of the document that a person gets: its columns, their rights with their limits, and spans of time."""

from __future__ import annotations

from typing import Final


def _(text: str) -> str:
    """Mark a sentence for translators, as `retention_kinds` does."""
    return text


COLUMNS: Final[dict[str, str]] = {
    "about": _("About"),
    "account": _("Account"),
    "address": _("Address"),
    "asked_at": _("Asked"),
    "at": _("When"),
    "began_at": _("Began"),
    "browser": _("Browser"),
    "by": _("By"),
    "category": _("Category"),
    "changed_at": _("Last changed"),
    "contact": _("Contact"),
    "course": _("Course"),
    "day": _("Day"),
    "device": _("Device"),
    "document": _("Document"),
    "done": _("What was done"),
    "done_on": _("Done on"),
    "due_on": _("Due on"),
    "ended": _("Ended"),
    "ended_at": _("When it ended"),
    "entered_at": _("Entered"),
    "expires": _("Valid until"),
    "first_on": _("First day"),
    "gone_at": _("No longer listed since"),
    "group": _("Group"),
    "identity": _("How identity was checked"),
    "kind": _("Kind"),
    "last_asked": _("Last asked for a name"),
    "last_on": _("Last day"),
    "last_seen_at": _("Last used"),
    "lead": _("Safeguarding lead"),
    "leaves_on": _("Leaves on"),
    "line": _("Line"),
    "made_at": _("Made"),
    "named": _("Names you"),
    "name": _("Name"),
    "on": _("Day"),
    "partner": _("Partner"),
    "platform": _("System"),
    "received_on": _("Received on"),
    "seconds": _("Time"),
    "sent_at": _("Sent"),
    "settled_at": _("Settled"),
    "since": _("Since"),
    "until": _("Until"),
    "used_at": _("Used"),
    "version": _("Version"),
    "visits": _("Visits"),
    "what": _("What"),
    "withdrawn_at": _("Withdrawn"),
    "words": _("Words"),
    "written_at": _("Written"),
    "wrote": _("Written down by you"),
}
"""What stands over each column on paper; in the JSON it is the key."""

RIGHTS: Final = (
    (
        _("Having it corrected"),
        _(
            "Your name, group and partner come from the organisation’s list, and training dates from its record: ask "
            "for them to be corrected there, and the next import brings the correction. What devices measured, and "
            "lines of the audit log, are not rewritten."
        ),
    ),
    (
        _("Having it erased"),
        _(
            "Each kind of record goes by itself when its period is over, as this document says. Sooner, IT can take "
            "you off the list of people and close an account, and you can take out your own ways to be told and "
            "absences. The data protection officer can erase your totals of use of all months that are still here; by "
            "themselves they go within 45 days after the end of their month. Figures that were published stay: each "
            "rests on five people or more, and tells of none of them. Lines of the audit log stay, since they prove "
            "the others; the words behind them go. What is kept to protect somebody, "
            "or to meet a legal duty, need not be erased (UK GDPR, Article 17(3))."
        ),
    ),
    (
        _("Restricting its use"),
        _(
            "A record that you contest, or need for a claim, can be kept from being deleted where it is a case on "
            "hold. The data protection officer can leave your totals of use out of all figures that are still to be "
            "made. Figures that were published stay; no figure shows you."
        ),
    ),
    (
        _("Objecting"),
        _(
            "You may object to being watched on grounds of your own situation (Article 21). It is decided by the "
            "organisation, which weighs them against protecting people; a device that is not watched, or rules for "
            "your group, are the ways to follow it."
        ),
    ),
    (
        _("Complaining"),
        _(
            "Ask the data protection officer first. You may complain at any time to the Information Commissioner’s "
            "Office, ico.org.uk, and go to court."
        ),
    ),
)
"""Each right with its limits here: what can be done, by whom, and what can't and why."""


def duration(seconds: int) -> str:
    """Return a span of use in hours and minutes."""
    minutes = seconds // 60
    if minutes == 0:
        return f"{seconds} s"
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
