"""What the collector keeps, a file for each kind. Everything is imported from here."""

from server.store.models.acknowledgements import AcknowledgementRecord
from server.store.models.audit import AuditCheck, AuditDetail, AuditEntry
from server.store.models.board import BoardRecord
from server.store.models.cases import CaseEvent, CaseLook, UrgentCard
from server.store.models.coverage import DeviceDay, SourceGap
from server.store.models.data_life import CaseHold, Deletion
from server.store.models.devices import Device, DeviceSign, EnrolmentToken, LossReport, Phone, Quarantined, SeenRecord
from server.store.models.incidents import AlertRecord, Incident, IncidentRecipient, Note, TrialReport
from server.store.models.jobs import Job, ListState
from server.store.models.lead_documents import LeadDocument
from server.store.models.notify import Absence, Escalation, MailCheck, NotifyChannel, NotifySettings, OutboxMessage
from server.store.models.partners import Partner
from server.store.models.passkeys import UnlockPasskey
from server.store.models.people import LeadKey, Organisation, Person, PersonMonth, Role, User
from server.store.models.sharing import Rewrap
from server.store.models.sign_in import CacheRow, Invitation
from server.store.models.subject_access import SubjectDecision, SubjectRequest
from server.store.models.summaries import MonthBasis, MonthlySummary, MonthSealedTotals
from server.store.models.training import TrainingRecord
from server.store.models.trips import Trip, TripDevice
from server.store.models.usage import Usage, UsageKey

__all__ = [
    "Absence",
    "AcknowledgementRecord",
    "AlertRecord",
    "AuditCheck",
    "AuditDetail",
    "AuditEntry",
    "BoardRecord",
    "CacheRow",
    "CaseEvent",
    "CaseHold",
    "CaseLook",
    "Deletion",
    "Device",
    "DeviceDay",
    "DeviceSign",
    "EnrolmentToken",
    "Escalation",
    "Incident",
    "IncidentRecipient",
    "Invitation",
    "Job",
    "LeadDocument",
    "LeadKey",
    "ListState",
    "LossReport",
    "MailCheck",
    "MonthBasis",
    "MonthSealedTotals",
    "MonthlySummary",
    "Note",
    "NotifyChannel",
    "NotifySettings",
    "Organisation",
    "OutboxMessage",
    "Partner",
    "Person",
    "PersonMonth",
    "Phone",
    "Quarantined",
    "Rewrap",
    "Role",
    "SeenRecord",
    "SourceGap",
    "SubjectDecision",
    "SubjectRequest",
    "TrainingRecord",
    "TrialReport",
    "Trip",
    "TripDevice",
    "UnlockPasskey",
    "UrgentCard",
    "Usage",
    "UsageKey",
    "User",
]
