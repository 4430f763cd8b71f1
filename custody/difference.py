"""Says in plain words what a signature would change: who may sign what, who may open cases, which files there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from tuf.api.metadata import Key, Metadata, Root, TargetFile, Targets

from custody.asking import plain
from custody.sheet import Line, Tone
from protocol.publication import ONLINE, Recipient, RecipientList, key_name, raw_key, signed_at

CLOCKS_APART = timedelta(days=1)
"""A date further off than this means that one of two computers has a wrong clock."""
ROLES_IN_WORDS = {
    "recipients": "who may open cases",
    "policy": "the policy",
    "releases": "new versions of the agent",
    "packs": "lists of sites and apps, and enrolment tokens",
}


def grouped(digits: str) -> str:
    """Return hex digits as people compare them: eight groups of four."""
    return " ".join(digits[at : at + 4] for at in range(0, 32, 4))


def of_root(old: Root | None, new: Root) -> Iterator[Line]:
    """Say who the custodians are, how many must sign, which keys the collector has, and what of it is new."""
    role = new.roles["root"]
    if old is not None:
        before, after = _people(old), _people(new)
        yield from (Line(f"NEW {text}", "new", key) for text, key in after if (text, key) not in before)
        yield from (Line(f"GONE {text}", "gone", key) for text, key in before if (text, key) not in after)
        if any(one not in before for one in after):
            yield Line("Compare each new key aloud with the person it belongs to, before you sign.", "warning")
        if old.roles["root"].threshold != role.threshold:
            yield Line(
                f"CHANGED: {role.threshold} of them must sign from now on; before: {old.roles['root'].threshold}",
                "new",
            )
        if before == after and old.roles["root"].threshold == role.threshold:
            yield Line("Nothing changes here; the signature is renewed.", "quiet")
    yield from (Line(text, "plain" if old is None else "quiet", key) for text, key in _people(new))
    many = "one of them is enough: this is a pilot" if role.threshold == 1 else f"{role.threshold} of them must sign"
    yield Line(f"{many[0].upper()}{many[1:]}.")


def of_targets(old: Targets | None, new: Targets) -> Iterator[Line]:
    """Say whose job each part of the publication is."""
    before, after = _jobs(old), _jobs(new)
    if before == after:
        yield Line("Nothing changes here; the signature is renewed.", "quiet")
        return
    for name, (threshold, names) in after.items():
        tone: Tone = "new" if before and before.get(name) != after[name] else "plain"
        yield Line(f"{name} ({ROLES_IN_WORDS[name]}): {threshold} of {', '.join(names)}", tone)
    # Four digits tell keys apart and prove nothing: of IT's key, which root does not show, all are needed.
    known, its = _keys_of_it(old), _keys_of_it(new)
    yield from (Line(f"IT: {name}", "new" if known and key not in known else "plain", key) for key, name in its.items())


def of_recipients(old: RecipientList | None, new: RecipientList | None) -> Iterator[Line]:
    """Say who can open evidence after this, and who is new, gone or changed."""
    if new is None:
        yield Line("No list of recipients yet: devices observe nothing until there is one.", "warning")
        return
    before = {one.key_id: one for one in old.recipients} if old is not None else {}
    after = {one.key_id: one for one in new.recipients}
    for key, one in after.items():
        if key not in before:
            yield Line(f"NEW, can open evidence from now on: {_recipient(one)}", "new", grouped(one.key_id))
        elif before[key] != one:
            yield Line(f"CHANGED from: {_recipient(before[key])}", "gone")
            yield Line(f"          to: {_recipient(one)}", "new", grouped(one.key_id))
    for key, one in before.items():
        if key not in after:
            yield Line(f"GONE, can't open anything sealed from now on: {_recipient(one)}", "gone", grouped(one.key_id))
    if old is not None and before == after:
        yield Line("Nobody is new, gone or changed; the signature is renewed.", "quiet")
    yield Line(f"Who can open evidence after this (list {new.version}):")
    for one in new.recipients:
        yield Line(f"  {_recipient(one)}", "quiet", grouped(one.key_id))
    yield from _about_leads(new)
    if any(key not in before for key in after):
        yield Line("Compare each new key aloud with the person it belongs to, before you sign.", "warning")
    if old is not None and old.pilot and not new.pilot:
        yield Line("The pilot ends: from now on two custodians must sign.", "new")
    if new.pilot:
        yield Line("This is a pilot: one custodian alone can change this list, and every page says so.", "warning")


def _about_leads(listed: RecipientList) -> Iterator[Line]:
    """Warn where a lead could judge a case about themselves, and where a case would be left to the recovery key alone.

    Without this, a list that looks right leaves a case about the only lead to nobody, or to that lead.
    """
    leads = [one for one in listed.recipients if one.role != "recovery"]
    for one in leads:
        if not one.never_about:
            name = plain(one.label)
            yield Line(
                f"The accounts of {name} are not given: a case about them would be sealed to them as well. "
                f"Ask for their sign-in names and give them: --never-about '{name}=ACCOUNT,ACCOUNT'",
                "warning",
            )
    named = sorted({group for one in leads for group in one.groups})
    # The empty id stands for every group that no lead is for by name.
    for group, place in [*((group, f" in the group {group}") for group in named), ("", _elsewhere(named))]:
        if _is_left_to_recovery(listed, group, ""):
            yield Line(f"Nobody can open a case{place} but with the recovery key: no lead or deputy has it.", "warning")
            continue
        for account in sorted({account for one in leads for account in one.never_about}):
            if _is_left_to_recovery(listed, group, account):
                whom = f"a case about {plain(account)}{place}"
                yield Line(
                    f"Nobody can open {whom} but with the recovery key: add a lead or deputy whom it is not about.",
                    "warning",
                )


def _elsewhere(named: list[str]) -> str:
    return " in any other group" if named else ""


def _is_left_to_recovery(listed: RecipientList, group: str, account: str) -> bool:
    return all(one.role == "recovery" for one in listed.for_case(group, account))


def of_files(old: Mapping[str, TargetFile], new: Mapping[str, TargetFile]) -> Iterator[Line]:
    """Say which files are new, gone or changed, by size and SHA-256."""
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if after is None:
            yield Line(f"GONE: {plain(path)}", "gone")
        elif before is None or before.hashes != after.hashes:
            what = "NEW" if before is None else "CHANGED"
            digest = after.hashes["sha256"][:16]
            yield Line(f"{what}: {plain(path)} ({after.length:,} bytes, SHA-256 begins {digest})", "new")
    if all(path in old and old[path].hashes == each.hashes for path, each in new.items()) and len(old) == len(new):
        yield Line("No file changes; the signature is renewed.", "quiet")


def of_clock(piece: Metadata[Root] | Metadata[Targets], now: datetime) -> Iterator[Line]:
    """Warn when the piece says it was made at another time than this computer's clock says."""
    made = signed_at(piece.signed)
    if abs(made - now) > CLOCKS_APART:
        yield Line(
            f"WARNING: it says it was made on {day(made)}, but this computer's clock says {day(now)}.", "warning"
        )


def day(when: datetime) -> str:
    """Return a date as people write it."""
    return f"{when.day} {when:%B %Y}"


def key_in_words(key: Key) -> str:
    """Return whose key it is, safe to show."""
    return plain(key_name(key))


def _jobs(targets: Targets | None) -> dict[str, tuple[int, tuple[str, ...]]]:
    if targets is None or targets.delegations is None:
        return {}
    keys = targets.delegations.keys
    return {
        name: (
            role.threshold,
            tuple(f"{key_in_words(keys[one])} ({raw_key(keys[one]).hex()[:4]}…)" for one in role.keyids),
        )
        for name, role in (targets.delegations.roles or {}).items()
    }


def _keys_of_it(targets: Targets | None) -> dict[str, str]:
    """Return who signs packs: the name of each by the fingerprint that is compared."""
    if targets is None or targets.delegations is None or not targets.delegations.roles:
        return {}
    keys = targets.delegations.keys
    signers = targets.delegations.roles["packs"].keyids
    return {grouped(raw_key(keys[one]).hex()): key_in_words(keys[one]) for one in signers}


def _recipient(one: Recipient) -> str:
    scope = "all groups" if not one.groups else "only " + ", ".join(one.groups)
    about = f"; never cases about {', '.join(map(plain, one.never_about))}" if one.never_about else ""
    return f"{plain(one.label)} ({one.role}; {scope}{about})"


def _people(root: Root) -> list[tuple[str, str]]:
    def one(what: str, key: Key) -> tuple[str, str]:
        return f"{what}: {key_in_words(key)}", grouped(raw_key(key).hex())

    people = [one("custodian", root.keys[keyid]) for keyid in root.roles["root"].keyids]
    online = [(name, root.keys[keyid]) for name in ONLINE for keyid in root.roles[name].keyids]
    return [*people, *(one(f"the collector's {name} key, for freshness alone", key) for name, key in online)]
