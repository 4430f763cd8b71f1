"""Says in plain sentences what another policy would change for people, and shows it line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from custody.asking import plain
from custody.sheet import Line, Section
from rules.accounts import AccountPattern
from rules.hours import DAYS, Period
from rules.model import Taxonomy
from rules.policy import Decision, Document, Policy, PolicyException

# How far each answer goes into a person's life, least first: a change upwards is shown first.
_RESPONSES = ("ignore", "total", "remind", "flag")
_PRIVATE_TIMES = ("drop_all", "urgent_only", "none")
_PRIVATE_IN_WORDS = {
    "drop_all": "nothing is collected",
    "urgent_only": "only urgent categories are flagged, the rest is dropped",
    "none": "there is none: watched at all hours",
}
_AFTER_ALL_EXCEPTIONS = datetime(9999, 12, 30, tzinfo=UTC)
_COMPARED_IN_WORDS = frozenset(
    {
        "file_name", "organisation", "timezone", "start", "groups", "rules", "exceptions", "excluded_hosts",
        "closed_days", "daily_minutes", "urgent_window_minutes", "routine_window_minutes", "taxonomy", "packs", "lines",
        "review", "documents", "contacts", "browsers", "programs",
    }
)  # fmt: skip
_MORE, _LESS, _OTHER = "More is collected or flagged", "Less is collected or flagged", "Other changes"
_WHOM = "Other people come under a group's rules"
Change = tuple[str, str]


def of_policy(old: Policy | None, new: Policy) -> list[Section]:
    """Say what a first policy does, or what of a later one changes: more first, then less, then the rest."""
    if old is None:
        return [Section("The first policy", tuple(_whole(new)))]
    changes = [
        *_settings(old, new),
        *_groups(old, new),
        *_people(old, new),
        *_review(old, new),
        *_documents(old, new),
        *_contacts(old, new),
        *_browsers(old, new),
        *_programs(old, new),
        *_categories(old, new),
        *_exceptions(old, new),
    ]
    changes += [*_packs(old, new), *_taxonomy(old.taxonomy, new.taxonomy), *_unknown(old, new)]
    tones = {_MORE: "warning", _WHOM: "warning", _LESS: "new", _OTHER: "plain"}
    sections = [
        Section(kind, tuple(Line(text, tones[kind]) for which, text in changes if which == kind))  # type: ignore[arg-type]
        for kind in tones
    ]
    found = [section for section in sections if section.lines]
    return found or [Section("In words", (Line("Nothing changes for anybody.", "quiet"),))]


def line_by_line(old: bytes, new: bytes) -> Iterator[Line]:
    """Show every line that is not as it was: what stands there now, and what from now on."""
    before, after = (text.decode("utf-8", "replace").splitlines() for text in (old, new))
    for kind, i1, i2, j1, j2 in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if kind == "equal":
            continue
        yield from (Line(f"    now:         {plain(text)}", "now") for text in before[i1:i2] if text.strip())
        yield from (Line(f"    from now on: {plain(text)}", "then") for text in after[j1:j2] if text.strip())


def _whole(new: Policy) -> Iterator[Line]:
    for group in new.groups:
        yield Line(f"{group.name}. Private time: {_PRIVATE_IN_WORDS[group.private_time]}.")
        for response in reversed(_RESPONSES):
            named = [
                category.name
                for category in new.taxonomy.categories
                if new.decide(category.id, group.id, _AFTER_ALL_EXCEPTIONS).response == response
            ]
            if named:
                yield Line(f"  {_heading(response)}: {', '.join(named)}")
        if group.accounts:
            yield Line(f"  Whoever signs in as {_patterns(group.accounts)}, on whichever device.")
        if group.staff:
            yield Line("  The data protection officer is told when a case of this group is opened.")
    yield from (Line(f"Asked to be read and acknowledged: {_document(one, new)}.") for one in new.documents)
    yield from (Line(f"Whom people can ask, {text}.") for text in _asked(new))
    watched = new.browsers.private_windows == "watched"
    yield Line(f"Private windows of browsers: {'watched' if watched else 'left out'}.")
    looked_up = new.programs.looked_up_names == "watched"
    yield Line(f"Names that any program of a laptop looks up: {'watched' if looked_up else 'left out'}.")
    yield Line(f"{_overdue(new)}.")
    yield Line(f"Nothing is collected before {_day(new.start)}.")


def _heading(response: str) -> str:
    words = {"flag": "Flagged to the safeguarding lead", "remind": "The person is reminded, nothing is sent"}
    return {**words, "total": "Only counted", "ignore": "Not kept"}[response]


def _settings(old: Policy, new: Policy) -> Iterator[Change]:
    if old.organisation != new.organisation:
        yield _OTHER, f"The organisation: {plain(new.organisation)}; before: {plain(old.organisation)}."
    if old.timezone != new.timezone:
        yield _OTHER, f"The time zone of working hours: {new.timezone}; before: {old.timezone}."
    if old.start != new.start:
        which = _MORE if new.start < old.start else _LESS
        yield (
            which,
            f"Collecting begins on {_day(new.start)}; before: {_day(old.start)}.",
        )
    for which, hosts, words in (
        (_MORE, old.excluded_hosts - new.excluded_hosts, "may be collected; before: never"),
        (_LESS, new.excluded_hosts - old.excluded_hosts, "is never collected; before: as the other rules said"),
    ):
        yield from ((which, f"{host} {words}.") for host in sorted(hosts))
    for which, days, words in (
        (_MORE, old.closed_days - new.closed_days, "is a working day like others; before: private time all day"),
        (_LESS, new.closed_days - old.closed_days, "is private time all day; before: a day like others"),
    ):
        yield from ((which, f"{_day(one)} {words}.") for one in sorted(days))
    for words, before, after in (
        ("Repeats of something urgent are one alert for", old.urgent_window_minutes, new.urgent_window_minutes),
        ("Repeats of anything else are one alert for", old.routine_window_minutes, new.routine_window_minutes),
    ):
        if before != after:
            yield _OTHER, f"{words} {after} minutes; before: {before}."


def _groups(old: Policy, new: Policy) -> Iterator[Change]:
    before = {group.id: group for group in old.groups}
    after = {group.id: group for group in new.groups}
    for group_id, group in after.items():
        if group_id not in before:
            private = _PRIVATE_IN_WORDS[group.private_time]
            yield _MORE, f"A new group, {plain(group.name)}: its devices are watched. Private time: {private}."
            continue
        was = before[group_id]
        if was.private_time != group.private_time:
            wider = _PRIVATE_TIMES.index(group.private_time) > _PRIVATE_TIMES.index(was.private_time)
            words = f"{_PRIVATE_IN_WORDS[group.private_time]}; before: {_PRIVATE_IN_WORDS[was.private_time]}"
            yield (_MORE if wider else _LESS), f"Private time of {plain(group.name)}: {words}."
        if was.working_hours != group.working_hours:
            words = f"{_hours(group.working_hours)}; before: {_hours(was.working_hours)}"
            wider = _minutes(group.working_hours) > _minutes(was.working_hours)
            yield (_MORE if wider else _LESS), f"Working hours of {plain(group.name)}: {words}."
        if was.name != group.name:
            yield _OTHER, f"The group {plain(was.name)} is now called {plain(group.name)}."
    for group_id, group in before.items():
        if group_id not in after:
            yield _LESS, f"The group {plain(group.name)} is gone: its devices collect nothing any more."


def _people(old: Policy, new: Policy) -> Iterator[Change]:
    """Say whose rules change because of their account, and of which groups the data protection officer is told."""
    before = {group.id: group for group in old.groups}
    device = "those of the device, or of another group"
    for group in new.groups:
        was, whose = before.get(group.id), f"the rules of {plain(group.name)}"
        earlier = was.accounts if was is not None else ()
        if fresh := [one for one in group.accounts if one not in earlier]:
            yield _WHOM, f"Whoever signs in as {_patterns(fresh)} has {whose}, on whichever device; before: {device}."
        if ended := [one for one in earlier if one not in group.accounts]:
            yield _WHOM, f"Whoever signs in as {_patterns(ended)} no longer has {whose} by that, but {device}."
        if group.staff != (was is not None and was.staff):
            now, then = ("told", "not told") if group.staff else ("no longer told", "told")
            what = f"when a case of {plain(group.name)} is opened"
            yield _OTHER, f"The data protection officer is {now} {what}; before: {then}."
    for was in old.groups:
        if was.accounts and was.id not in new.group_names:
            whom = f"Whoever signs in as {_patterns(was.accounts)}"
            yield _WHOM, f"{whom} no longer has the rules of {plain(was.name)}, but {device}."


def _review(old: Policy, new: Policy) -> Iterator[Change]:
    if old.review != new.review:
        yield _OTHER, f"{_overdue(new)}; before: {_overdue(old).removeprefix('For the safeguarding lead, ')}."


def _documents(old: Policy, new: Policy) -> Iterator[Change]:
    """Say what people are asked, on their devices, to read and acknowledge."""
    before, after = ({one.id: one for one in policy.documents} for policy in (old, new))
    for one in new.documents:
        was = before.get(one.id)
        if was is None:
            yield _OTHER, f"People are asked to read and acknowledge {_document(one, new)}."
        elif was != one:
            yield _OTHER, f"To be read and acknowledged: {_document(one, new)}; before: {_document(was, old)}."
    yield from (
        (_OTHER, f"Nobody is asked any more to acknowledge {_document(one, old)}.")
        for one in old.documents
        if one.id not in after
    )


def _contacts(old: Policy, new: Policy) -> Iterator[Change]:
    """Say whom devices name as the people to ask: a wrong address there would keep questions from who answers them."""
    if old.contacts != new.contacts:
        now, before = ("; ".join(_asked(policy)) or "nobody is named" for policy in (new, old))
        yield _OTHER, f"Whom people can ask: {now}; before: {before}."


def _browsers(old: Policy, new: Policy) -> Iterator[Change]:
    if old.browsers != new.browsers:
        watched = new.browsers.private_windows == "watched"
        now, before = ("watched", "left out") if watched else ("left out", "watched")
        yield _MORE if watched else _LESS, f"Private windows of browsers are {now}; before: {before}."


def _programs(old: Policy, new: Policy) -> Iterator[Change]:
    if old.programs != new.programs:
        watched = new.programs.looked_up_names == "watched"
        now, before = ("watched", "left out") if watched else ("left out", "watched")
        yield (
            _MORE if watched else _LESS,
            f"Names that any program of a laptop looks up are {now}; before: {before}.",
        )


def _asked(policy: Policy) -> list[str]:
    named = (
        ("the safeguarding lead", policy.contacts.safeguarding_lead),
        ("the data protection officer", policy.contacts.data_protection_officer),
    )
    return [f"{role}: {plain(text)}" for role, text in named if text]


def _document(one: Document, policy: Policy) -> str:
    names = {group.id: group.name for group in policy.groups}
    whom = _and([names.get(group, group) for group in one.groups]) if one.groups else "everyone"
    place = f", at {plain(one.where)}" if one.where else ""
    text = f", with the text «{plain(one.text)}»" if one.text else ""
    return f"«{plain(one.title)}», version {plain(one.version)} of {_day(one.date)}, for {whom}{place}{text}"


def _overdue(policy: Policy) -> str:
    urgent, routine = policy.review.urgent_minutes, policy.review.routine_days
    return (
        f"For the safeguarding lead, an urgent incident is overdue after {urgent:,} minute{'s' * (urgent != 1)}, "
        f"any other after {routine} day{'s' * (routine != 1)}"
    )


def _patterns(patterns: Iterable[AccountPattern]) -> str:
    return " or ".join(f"«{plain(one.text)}»" for one in patterns)


def _categories(old: Policy, new: Policy) -> Iterator[Change]:
    """Say for each category what happens from now on and what happened before; groups that change alike together."""
    shared = [group for group in new.groups if group.id in old.group_names]
    for category in new.taxonomy.categories:
        if category.id not in old.taxonomy.by_id:
            continue
        alike: dict[tuple[str, str, str], list[str]] = {}
        for group in shared:
            was, now = (policy.decide(category.id, group.id, _AFTER_ALL_EXCEPTIONS) for policy in (old, new))
            if (before := _decision(was)) != (after := _decision(now)):
                alike.setdefault((_which(was, now), after, before), []).append(group.name)
        for (which, after, before), names in alike.items():
            whom = "everyone" if len(names) == len(shared) and len(shared) > 1 else _and(names)
            yield which, f"{category.name}: {after}, for {whom}; before: {before}."


def _decision(one: Decision) -> str:
    if one.response == "flag":
        return "flagged as urgent" if one.urgent else "flagged"
    if one.response == "remind":
        return f"a reminder to the person after {one.daily_minutes} minutes a day, nothing sent"
    return {"total": "counted", "ignore": "not kept"}[one.response]


def _which(was: Decision, now: Decision) -> str:
    before, after = (_RESPONSES.index(one.response) for one in (was, now))
    if before != after:
        return _MORE if after > before else _LESS
    if was.urgent != now.urgent:
        return _MORE if now.urgent else _LESS
    return _OTHER


def _exceptions(old: Policy, new: Policy) -> Iterator[Change]:
    before, after = ({_exception(one, policy) for one in policy.exceptions} for policy in (old, new))
    yield from ((_MORE, f"An exception ends: {text}.") for text in sorted(before - after))
    yield from ((_LESS, f"A new exception: {text}.") for text in sorted(after - before))


def _exception(one: PolicyException, policy: Policy) -> str:
    what = one.site or one.app or "everything in it"
    names = {group.id: group.name for group in policy.groups}
    whom = names.get(one.group, one.group) if one.group is not None else "everyone"
    softer = {"total": "only counted", "ignore": "not kept", "remind": "only a reminder"}.get(one.response, "softer")
    until = _day(one.until)
    return f"{policy.taxonomy.get(one.category).name}, {what}, for {whom}: {softer}, until {until} ({one.reason})"


def _packs(old: Policy, new: Policy) -> Iterator[Change]:
    before, after = ({one.pack: one.most_entries for one in policy.packs} for policy in (old, new))
    for pack in sorted(before.keys() | after.keys()):
        was, now = before.get(pack), after.get(pack)
        if was is None and now is not None:
            yield _MORE, f"The pack {plain(pack)} acts, with up to {now:,} entries; before: on trial, flagging nothing."
        elif now is None and was is not None:
            yield _LESS, f"The pack {plain(pack)} is on trial and flags nothing; before: it acted."
        elif was is not None and now is not None and was != now:
            which = _MORE if now > was else _LESS
            yield which, f"The pack {plain(pack)} acts with up to {now:,} entries; before: up to {was:,}."


def _taxonomy(old: Taxonomy, new: Taxonomy) -> Iterator[Change]:
    for category in new.categories:
        was = old.by_id.get(category.id)
        if was is None:
            yield _MORE, f"A new category: {category.name}."
            continue
        if was.protected != category.protected:
            if category.protected:
                yield _LESS, f"{category.name} is protected from now on: nothing can flag it."
            else:
                yield _MORE, f"{category.name} is no longer protected: lists and the policy can flag it from now on."
        if was.sensitive != category.sensitive:
            if category.sensitive:
                yield _LESS, f"{category.name} is sensitive from now on: its time is not told apart in totals."
            else:
                yield _MORE, f"{category.name} is no longer sensitive: its time is shown in totals from now on."
        if was.name != category.name:
            yield _OTHER, f"The category {plain(was.name)} is now called {plain(category.name)}."
    yield from (
        (_LESS, f"The category {plain(was.name)} is gone.") for was in old.categories if was.id not in new.by_id
    )


def _unknown(old: Any, new: Any) -> Iterator[Change]:
    """Tell of parts of a policy that are not put in words here, rather than pass over them in silence."""
    for name in new.__struct_fields__:
        if name not in _COMPARED_IN_WORDS and getattr(old, name) != getattr(new, name):
            yield _OTHER, f"«{name}» changes: read it line by line below."


def _hours(periods: Iterable[Period]) -> str:
    words = []
    for period in periods:
        days = " ".join(DAYS[one].capitalize() for one in period.days)
        words.append(f"{days} {_clock(period.start_minute)}-{_clock(period.end_minute)}")
    return ", ".join(words) or "none"


def _day(when: date) -> str:
    return f"{when.day} {when:%B %Y}"


def _minutes(periods: Iterable[Period]) -> int:
    return sum(len(one.days) * ((one.end_minute - one.start_minute - 1) % (24 * 60) + 1) for one in periods)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _and(names: list[str]) -> str:
    return plain(names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}")
