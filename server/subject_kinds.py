"""Says of each kind of record how it enters the export of one person's data, or why not: the table of retention, again.

A kind that is missing here, or a table of the database that no part names, makes a test fail.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from server import subject_rows
from server.store import models
from server.subject_rows import Row, Subject


def _(text: str) -> str:
    """Mark a sentence for translators, as `retention_kinds` does."""
    return text


@dataclass(frozen=True)
class Part:
    """One kind of record: what it is for, where it comes from and who sees it, and how a person's rows are read.

    Where `rows` is None, `without` says why there are none. `on_paper` shortens what is long: the JSON has it all.
    """

    purpose: str
    source: str
    seen_by: str
    tables: tuple[Any, ...] = ()
    rows: Callable[[Subject], list[Row]] | None = None
    without: str = ""
    on_paper: Callable[[list[Row]], list[Row]] = list


CASES = _(
    "Records of safeguarding concerns are sealed, and only safeguarding leads can open them. This document neither "
    "confirms nor denies that there are any about you: it says the same to everybody. The leads were asked, and what "
    "they decide to give you they give you themselves."
)
"""The same words whether there are cases, none, or cases that are withheld."""

RELEASED = _(
    "Records of safeguarding concerns are sealed, and only safeguarding leads can open them. A lead has decided to "
    "give you records, and gives them to you apart from this document. It neither confirms nor denies that there are "
    "more."
)

_DEVICE = _("The organisation’s device, by itself")
_SELF = _("You, or whoever set up your account")
_IT = _("IT administrators")
_NOBODY = _("Nobody: the collector itself uses it")
_OFFICER = _("The data protection officer")
_SECURE = _("Keeping the system secure")
_WORKING = _("Making the system work")
_NO_PERSON = _("It is about a device or the collector and names no person.")
_SEALED_PLACES = (
    models.Incident,
    models.AlertRecord,
    models.IncidentRecipient,
    models.Note,
    models.CaseEvent,
    models.CaseHold,
    models.CaseLook,
    models.Escalation,
    models.Rewrap,
)

PARTS: dict[str, Part] = {
    "people": Part(
        _("So that safeguarding leads see a name and not an account alone"),
        _("The organisation’s own list of people, imported by IT"),
        _("Safeguarding leads; IT as it imports the list"),
        (models.Person,),
        subject_rows.people,
    ),
    "usage": Part(
        _("Monthly figures of use, each of at least five people"),
        _DEVICE,
        _("Nobody by person, but you on your device, and the data protection officer for this request"),
        (models.PersonMonth, models.Usage, models.UsageKey, models.MonthBasis),
        subject_rows.usage,
        on_paper=subject_rows.usage_by_day,
    ),
    "devices": Part(
        _("Knowing which devices the organisation watches, and whether they work"),
        _DEVICE,
        _IT,
        (models.Device, models.Phone),
        subject_rows.devices,
    ),
    "training": Part(
        _("Showing who was trained, and reminding who is due"),
        _("The organisation’s own record of training, imported"),
        _("IT administrators, managers and safeguarding leads"),
        (models.TrainingRecord,),
        subject_rows.training,
    ),
    "acknowledgements": Part(
        _("Showing who read which document"),
        _("You, at your device or here"),
        _("IT administrators, managers and safeguarding leads see who is due"),
        (models.AcknowledgementRecord,),
        subject_rows.acknowledgements,
    ),
    "partners": Part(
        _("Knowing whom to ask at a partner organisation, and what it confirmed"),
        _("A manager or the data protection officer"),
        _("Managers and the data protection officer"),
        (models.Partner,),
        subject_rows.partners,
    ),
    "board": Part(
        _("Showing who is responsible, and what the advisory board decided"),
        _("A manager or the data protection officer"),
        _("Managers of the whole organisation and the data protection officer"),
        (models.BoardRecord,),
        subject_rows.board,
    ),
    "accounts": Part(
        _("Signing in here, and being told"),
        _SELF,
        _IT,
        (
            models.User,
            models.LeadKey,
            models.UnlockPasskey,
            models.NotifySettings,
            models.NotifyChannel,
            Authenticator,
            SocialAccount,
        ),
        subject_rows.accounts,
    ),
    "sign_ins": Part(_SECURE, _("Your browser"), _("You"), (UserSession,), subject_rows.sign_ins),
    "invitations": Part(_("Letting you sign in"), _IT, _IT, (models.Invitation,), subject_rows.invitations),
    "absences": Part(
        _("Telling somebody else while you are away"),
        _SELF,
        _("The collector, which tells the others that somebody is away"),
        (models.Absence,),
        subject_rows.absences,
    ),
    "messages": Part(
        _("Telling people of work that waits"),
        _("The collector"),
        _("Whoever it was sent to; IT sees whether it arrived"),
        (models.OutboxMessage,),
        subject_rows.messages,
    ),
    "tests": Part(
        _("Showing that watching works"),
        _("Whoever asked for a test, and the device"),
        _("IT administrators and safeguarding leads"),
        (models.Trip, models.TripDevice),
        subject_rows.tests,
    ),
    "lead_documents": Part(
        _("Keeping harmless entries out of the queue"),
        _("A safeguarding lead"),
        _("Safeguarding leads; the content is sealed"),
        (models.LeadDocument,),
        subject_rows.lead_documents,
    ),
    "requests": Part(
        _("Answering requests like this one, and showing that they were answered"),
        _OFFICER,
        _("The data protection officer, and the leads who are asked"),
        (models.SubjectRequest, models.SubjectDecision),
        subject_rows.requests,
    ),
    "details": Part(
        _("Saying what a line of the audit log was about"),
        _("Whoever did what the line says"),
        _OFFICER,
        (models.AuditDetail,),
        subject_rows.details,
    ),
    "cases": Part(
        _("Protecting learners and staff"),
        _("Devices, and people who reported a concern"),
        _("Safeguarding leads"),
        _SEALED_PLACES,
        without=CASES,
    ),
    "trials": Part(
        _("Trying lists out before they act"),
        _DEVICE,
        _("Safeguarding leads, as sums"),
        (models.TrialReport,),
        without=_("Counts of a device by itself, of one size and sealed, with no person in them."),
    ),
    "coverage": Part(
        _("Saying what could not be seen"),
        _DEVICE,
        _IT,
        (models.DeviceDay, models.SourceGap, models.DeviceSign),
        without=_("It says when a device reported and how it was, and not who used it."),
    ),
    "seen": Part(_WORKING, _DEVICE, _NOBODY, (models.SeenRecord,), without=_NO_PERSON),
    "quarantined": Part(
        _SECURE,
        _DEVICE,
        _NOBODY,
        (models.Quarantined,),
        without=_("Put aside unread, under an identity that was copied: whose they are can’t be relied on."),
    ),
    "losses": Part(_("Saying what was lost"), _DEVICE, _IT, (models.LossReport,), without=_NO_PERSON),
    "sessions": Part(
        _SECURE,
        _("Your browser"),
        _NOBODY,
        (Session, models.CacheRow),
        without=_("It ends with the session; where you are signed in stands under sign-ins."),
    ),
    "tokens": Part(_("Enrolling devices"), _IT, _IT, (models.EnrolmentToken,), without=_NO_PERSON),
    "jobs": Part(_WORKING, _("The collector"), _NOBODY, (models.Job, models.MailCheck), without=_NO_PERSON),
    "summaries": Part(
        _("Telling managers of use and risk"),
        _("The collector, from everybody’s totals"),
        _("Managers and those named for it"),
        (models.MonthlySummary, models.MonthSealedTotals),
        without=_("Each figure is of at least five people, and none can be told from it."),
    ),
    "deletions": Part(
        _("Showing that data went on time"),
        _("The collector"),
        _OFFICER,
        (models.Deletion,),
        without=_NO_PERSON,
    ),
    "mails": Part(
        _("Not losing a message where no mail server is set up"),
        _("The collector"),
        _IT,
        without=_("Copies of messages, which are told of above."),
    ),
    "backups": Part(
        _("Putting everything back after a loss"),
        _("The collector"),
        _IT,
        without=_("Copies of all that this document tells of. They go by themselves, and nobody searches them."),
    ),
}
"""By the ids of `retention_kinds.KINDS`, in the order of the document: what has rows of people first."""

KEPT_PARTS: dict[str, Part] = {
    "Lines of the audit log": Part(
        _("Showing who did what, and that nobody altered it"),
        _("The collector, as something is done"),
        _OFFICER,
        (models.AuditEntry, models.AuditCheck),
        subject_rows.audit_lines,
    ),
    "Open cases": PARTS["cases"],
    "Cases on hold": PARTS["cases"],
    "Signed rules, accounts and devices in use, and settings": Part(
        _WORKING,
        _("Custodians, who sign them, and IT"),
        _("Everybody: the rules are public. The list of who may open cases holds the leads’ own accounts"),
        (models.Organisation, models.ListState, models.UrgentCard),
        without=_("Accounts and devices stand above; rules name no person, but leads in the list of who opens cases."),
    ),
    "The collector’s own log file": Part(
        _WORKING,
        _("The collector"),
        _IT,
        without=_("It holds names of events and ids, and no person."),
    ),
}
"""By the names of `retention_kinds.KEPT`."""
