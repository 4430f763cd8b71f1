"""Says the facts of the papers in words: what is kept how long, who sees what, and how monitoring guidance is met."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from rules.model import Category
from rules.policy import Policy
from rules.responses import day_words
from server import policy_words
from server.papers import Facts
from server.retention_kinds import KEPT as NOT_BY_AGE
from server.retention_kinds import KINDS, Kind, by_id, period

Standing = Literal["met", "partly", "not met", "yours"]
"""`yours`: only the organisation can meet it; the paper says what to write down."""

A_YEAR: Final = timedelta(days=366)
"""The guidance asks for a review at least once a year; of a leap year it is a day more."""

OF_PERSONS: Final = ("usage", "cases", "people", "details", "backups")
"""The kinds that a short paper tells of: those that say most of a person, and how long they live on in backups."""

CONTENT: Final = (
    ("illegal", "Illegal content"),
    ("bullying", "Bullying"),
    ("child sexual exploitation", "Child sexual exploitation"),
    ("discrimination", "Discrimination"),
    ("drugs", "Drugs"),
    ("extremism", "Extremism"),
    ("pornography", "Pornography"),
    ("self-harm", "Self-harm"),
    ("suicide", "Suicide"),
    ("violence", "Violence"),
)
"""The guide's headings of content: as a category names them, and as the paper does."""


BLIND: Final = (
    (
        "What is on a page",
        "Only the name of a site is seen, such as example.org: no page, search, title, text or picture.",
    ),
    (
        "What people type, say or send",
        "No key, message, call or file is seen, in any app.",
    ),
    (
        "Sites that no list names",
        "A harmful site is flagged only if a list has it. Lists are never complete.",
    ),
    (
        "Harm within an everyday site or app",
        "Bullying in a chat, or a harmful video on a common site, has no name of its own.",
    ),
    (
        "Private windows and cleared history",
        "They are read from the browser’s history: a private window leaves none, nor does what is cleared at once.",
    ),
    (
        "Browsers that are not known",
        "Chrome, Chromium, Edge, Brave, Vivaldi, Opera and Firefox are read; others show as an app only.",
    ),
    (
        "Which app is in front on some desktops",
        "On Wayland nobody may know; the device then says “unknown”, and no time is counted.",
    ),
    (
        "People’s own devices",
        "They are not watched.",
    ),
    (
        "A device whose administrator removed the agent",
        "It shows as silent, and nothing more is known.",
    ),
)
"""What is never seen, whatever the policy says, and why."""

BLIND_ON_PHONES: Final = (
    (
        "How long an app was used on a phone",
        "Only names are seen, and iOS lets nobody export minutes. Use of an app is said to be likely, and counted.",
    ),
    (
        "Whether a name that a phone looked up was visited",
        "Adverts, and the phone itself, ask for names too. A case says “likely” or “unclear”, which is never urgent.",
    ),
    (
        "Whose a phone’s names are, for certain",
        "With DNS over TLS the phone’s own name travels in clear and could be copied. A case says “identity unproven”.",
    ),
    (
        "iCloud Private Relay, VPN apps, and apps with a resolver of their own",
        "They ask elsewhere. A fleet tool can forbid the first two on supervised phones.",
    ),
    (
        "Mobile data of iPhones whose setting a fleet tool installed",
        "Such a profile covers managed Wi-Fi only. One opened by hand, or system 27’s where supervised, covers both.",
    ),
    (
        "A phone whose setting was removed, or while no gateway answers",
        "It asks its network’s own resolver, where that is allowed, and nothing of it is seen.",
    ),
)
"""What isn't seen of phones that ask the gateway."""


DEVICES: Final = {
    "used": "Laptops with Linux, and phones by the names that they look up. Windows and macOS are not watched yet.",
    "not used": "Laptops with Linux. Windows and macOS are not watched yet, and phones not here.",
    "perhaps": "Laptops with Linux; phones, if used, by the names they look up. Windows and macOS are not watched yet.",
}


@dataclass(frozen=True)
class Line:
    """One line of the self-assessment: what is asked, whether it is met, and how or why not."""

    asked: str
    standing: Standing
    how: str


@dataclass(frozen=True)
class Kept:
    """One kind of record: what it is, how long it is kept, and why."""

    what: str
    period: str
    why: str


def kept(facts: Facts) -> list[Kept]:
    """Return every kind of record with its period, by the table that the nightly job deletes by."""
    return [Kept(kind.name, _span(kind, facts), kind.reason) for kind in KINDS]


def kept_of_persons(facts: Facts) -> list[Kept]:
    """Return the kinds that matter most to a person."""
    return [Kept(kind.name, _span(kind, facts), kind.reason) for kind in KINDS if kind.id in OF_PERSONS]


def kept_for_good() -> list[Kept]:
    """Return what is not deleted by age."""
    return [Kept(one.name, "not deleted by age", one.reason) for one in NOT_BY_AGE]


def days(kind_id: str, facts: Facts) -> int:
    """Return for how many days a kind is kept here."""
    return period(by_id(kind_id), facts.config.retention).days


def responses(policy: Policy) -> list[tuple[str, str]]:
    """Return each response with its categories, in words, as the page of the rules has them."""
    return [
        (
            section.title,
            ", ".join(f"{one.name}{f' ({one.beside})' if one.beside else ''}" for one in section.categories),
        )
        for section in policy_words.by_response(policy)
    ]


def content(facts: Facts) -> list[Line]:
    """Return how the headings of content are met: never more than partly, since only host and app names are seen."""
    return [_content(facts.policy, heading, name) for heading, name in CONTENT]


def features(facts: Facts) -> list[Line]:
    """Return how the headings of system features are met by what is configured here."""
    policy, config = facts.policy, facts.config
    mail = bool(config.mail.host)
    steps = f"after {config.escalation.minutes[0]} minutes without an answer the deputies are told too"
    out_of_hours = "out-of-hours contacts follow" if config.contacts else "no out-of-hours contact is entered"
    names = ", ".join(group.name for group in policy.groups)
    return [
        Line("Age appropriate", "met", f"Each group has rules of its own: {names}. The page of the rules says which."),
        Line(
            "Alert management",
            "met" if mail and config.contacts else "partly",
            (
                f"Urgent cases are told at once; {steps}; {out_of_hours}. "
                if mail
                else "No mail server is set up yet, so nobody is told by mail: cases wait in the queue. "
            )
            + "Messages never say what a case is about. Each case is taken, noted and closed with an outcome.",
        ),
        Line(
            "Audit",
            "met",
            "Every opening of a case is written down before it happens, in a log that shows when it was altered."
            + ("" if config.audit.head_to else " Its newest hash does not leave the collector yet; set that up."),
        ),
        Line(
            "BYOD (people’s own devices)",
            "not met",
            "Only devices that the organisation owns are watched, by decision.",
        ),
        Line(
            "Data retention",
            "met",
            "Each kind of record has a period, and a job deletes it each night. Open cases wait for a decision.",
        ),
        Line("Devices", "partly", DEVICES[facts.phones]),
        Line(
            "Flexibility",
            "met",
            "Custodians change rules and exceptions by signing a new policy; the change is shown first.",
        ),
        Line(
            "Group or multi-site management",
            "met",
            "Groups have rules of their own, and a partner’s lead or manager sees their groups alone.",
        ),
        Line(
            "Monitoring policy",
            "met",
            "The rules in force are a page that anybody can read; the device shows a notice.",
        ),
        Line(
            "Multiple languages",
            "partly",
            "Sites are matched by name, whatever their language. Pages and notices are in British English so far.",
        ),
        Line(
            "Prioritisation",
            "met",
            f"Urgent and routine cases are told apart. A lead looks at them: {policy_words.review(policy)}.",
        ),
        Line(
            "Remote monitoring",
            "met",
            "Devices are watched wherever they are. Without a connection they keep records and send them later.",
        ),
        Line("Reporting", "met", "A summary each month, in which no figure shows a person."),
        Line(
            "Harmful images and typed words",
            "not met",
            "No picture, screen or key is ever seen, by decision: see “What can’t be seen”.",
        ),
    ]


def standards(facts: Facts) -> list[Line]:
    """Return how the Department for Education's four standards of filtering and monitoring are met."""
    return [
        _roles(facts),
        _reviewed(facts),
        Line(
            "Filtering blocks harmful and inappropriate content",
            "not met",
            "Fairwatch blocks nothing. To be filled in: which filter does, and when it was last tested.",
        ),
        Line(
            "Monitoring strategies meet safeguarding needs",
            "partly",
            "Watching by host and app names, with urgent cases told at once. Whether that is enough is for your risk "
            "assessment: see “What can’t be seen”.",
        ),
    ]


def _roles(facts: Facts) -> Line:
    asked = "Roles and responsibilities are identified and assigned"
    leads = ", ".join(f"{one.name} ({one.role})" for one in facts.readers) or "nobody is named yet"
    named = (("the senior leader", facts.senior_leader), ("the governor (or board member)", facts.governor))
    said = [f"{who[4:].capitalize()}: {name}." for who, name in named if name]
    missing = [who for who, name in named if not name]
    if missing:
        said.append(f"To be filled in: {' and '.join(missing)} for it.")
    standing: Standing = ("partly" if missing else "met") if facts.readers else "yours"
    return Line(asked, standing, " ".join([f"May open cases: {leads}.", *said]))


def _reviewed(facts: Facts) -> Line:
    asked = "Provision is reviewed at least once a year"
    known = "Every group is tested each week, and each change of the rules is on the page of the rules. "
    if facts.reviewed_on is None or facts.made_on is None:
        wanted = "To be filled in: the date of the last review, who took part, and what was decided."
        return Line(asked, "yours", known + wanted)
    due = f", and is due again on {day_words(facts.review_due_on)}" if facts.review_due_on is not None else ""
    late = facts.made_on - facts.reviewed_on > A_YEAR
    said = f"The board’s last review was on {day_words(facts.reviewed_on)}{due}; its decision is recorded."
    return Line(asked, "not met" if late else "met", known + said)


def blind_spots(facts: Facts) -> list[tuple[str, str]]:
    """Return what can't be seen, each with why: first what holds everywhere, then what this policy leaves out."""
    policy = facts.policy
    said = [*BLIND, *_unwatched(facts), *_of_phones(facts)]
    for group, words in zip(policy.groups, policy_words.groups(policy), strict=True):
        if group.private_time != "none":
            said.append((f"{group.name}: private time", f"{words.private}, outside these hours: {words.hours}."))
    if policy.excluded_hosts:
        said.append(("Never collected, by the policy", ", ".join(sorted(policy.excluded_hosts)) + "."))
    said.append(
        (
            f"Anything before {day_words(policy.start)}",
            "Nothing is collected before the day on which the policy starts, nor before a person was shown the notice.",
        )
    )
    if facts.trial_packs:
        said.append(
            ("Lists on trial", f"These flag nothing until custodians promote them: {', '.join(facts.trial_packs)}.")
        )
    return said


def _unwatched(facts: Facts) -> list[tuple[str, str]]:
    if facts.phones == "not used":
        return [("Phones, tablets, Windows and Mac computers", "They are not watched here.")]
    return [("Windows and Mac computers", "There is no agent for them yet.")]


def _of_phones(facts: Facts) -> list[tuple[str, str]]:
    if facts.phones == "not used":
        return []
    prefix = "If phones are used: " if facts.phones == "perhaps" else ""
    return [
        (prefix + (what[0].lower() + what[1:] if prefix and what[:2] != "iC" else what), why)
        for what, why in BLIND_ON_PHONES
    ]


def _content(policy: Policy, heading: str, name: str) -> Line:
    inside = [category for category in policy.taxonomy.categories if category.heading == heading]
    urgency = {category.name: _urgency(policy, category) for category in inside}
    said = [f"{category}: {when}" for category, when in urgency.items() if when]
    if not said:
        return Line(name, "not met", "The policy does not flag this for everybody.")
    return Line(name, "partly", f"Listed sites and apps are flagged. {'. '.join(said)}.")


def _urgency(policy: Policy, category: Category) -> str:
    """How a category is flagged, where it is flagged for everybody; else nothing."""
    found = [policy.decide(category.id, group.id, policy.begins) for group in policy.groups]
    if not found or any(one.response != "flag" for one in found):
        return ""
    urgent = {one.urgent for one in found}
    return "at once" if urgent == {True} else "as routine" if urgent == {False} else "at once or as routine, by group"


def _span(kind: Kind, facts: Facts) -> str:
    number = days(kind.id, facts)
    return f"{number} days after {kind.since}" if number else f"when {kind.since}"
