"""Keeps fetched lists: asks for each when it is due, compiles it, and offers what changed to IT; it publishes nothing.

A version lies in `<data_dir>/files/lists/<id>/<version>/`: the list as it came, the pack, the build report and the
difference. One that changes sharply is held back until a person releases it; whatever fails, what is offered stays.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext
from tuf.api.metadata import Targets

from protocol.errors import NotTrusted
from protocol.publication import file_name, parse, target_file_name
from rules.compiler import build
from rules.errors import RulesError
from rules.model import Taxonomy
from rules.report import BuildReport
from rules.sources import ListSource, find_lists
from rules.versions import reads_pack
from server import audit, list_fetch, log
from server.errors import ListFault, NotThere, WrongState
from server.files import make_private_folder
from server.list_difference import Difference, between
from server.list_fetch import Fetched, Wanted
from server.list_settings import ListSettings
from server.publish import Publication
from server.store.models import ListState

BUSY: Final = timedelta(minutes=30)
"""How long one refresh keeps others off: longer than it may take, so that one that was killed is made up for today."""

RETRY: Final = timedelta(hours=1)
"""After a failure; twice as long after each further one, up to the list's own time."""

ODD_SHARE: Final = 0.5
"""A list of which more is no host names than is, is likely something else: a notice, a licence, another format."""

_PATH_REASON: Final = "a path"  # UT1 lists addresses below sites on purpose; those say nothing against a list
_MEGABYTE: Final = 1_000_000
FILES: Final = ("pack", "report.json", "difference.json")


@dataclass(frozen=True)
class ListRow:
    """One list as pages and the command tell it. `offer` and `held` are versions, empty for none."""

    id: str
    category: str
    licence: str
    url: str
    state: str
    problem: str
    checked_at: datetime | None
    changed_at: datetime | None
    next_at: datetime | None
    checked_by: str
    offer: str
    held: str
    held_why: str
    in_force: bool
    offered: Difference | None
    held_back: Difference | None


def configured(list_id: str) -> ListSettings:
    """Return the settings of a list; raises NotThere with the ids there are."""
    lists: tuple[ListSettings, ...] = settings.CONFIG.lists
    for one in lists:
        if one.id == list_id:
            return one
    known = ", ".join(one.id for one in lists) or "none yet; add [[lists]] to collector.toml"
    raise NotThere(
        gettext("no list is called %(list_id)s; there are: %(known)s") % {"list_id": repr(list_id), "known": known}
    )


def overview() -> list[ListRow]:
    """Return every list of collector.toml, in its order."""
    states = {state.list_id: state for state in ListState.objects.all()}
    published = _published_packs()
    return [_row(one, states.get(one.id) or ListState(list_id=one.id), published) for one in settings.CONFIG.lists]


def is_due(list_id: str, now: datetime) -> bool:
    """Whether a list should be asked for: its time is over, or its last try failed long enough ago."""
    state = ListState.objects.filter(list_id=list_id).first()
    next_at = _next_at(configured(list_id), state) if state is not None else None
    ahead = state is not None and state.checked_at is not None and state.checked_at > now  # the clock was set back
    return next_at is None or now >= next_at or ahead


def refresh(list_id: str, now: datetime) -> str:
    """Fetch a list, compile it, and offer it or hold it back; returns `offered`, `held`, `unchanged` or `failed`.

    Raises WrongState while another process is at it. A failure is kept as one sentence for IT's page.
    """
    one = configured(list_id)
    state = _claim(one, now)
    try:
        result = _refreshed(one, state, now)
        state.failures, state.problem, state.checked_at = 0, "", now
    except (ListFault, RulesError, OSError) as fault:
        result = _failed(state, _sentence(fault, _folder(one)), now)
    except Exception as fault:
        _failed(state, "something unexpected went wrong; the collector's log says where", now)
        log.failure("list_failed", fault, list=list_id)
        raise
    finally:
        state.busy_until = None
        state.save()
        _prune(one, state)
    log.event("list_refreshed", list=list_id, result=result)
    return result


def release(list_id: str, actor: str, now: datetime, version: str = "") -> None:
    """Offer a version that was held back, as a person decided; on the audit log.

    Raises WrongState where nothing is held back, or something else by now than the `version` that was looked at.
    """
    one = configured(list_id)
    with transaction.atomic():
        state = ListState.objects.select_for_update().filter(list_id=one.id).first()
        if state is None or not state.held:
            raise WrongState(gettext("nothing of %(id)s is held back") % {"id": one.id})
        if state.busy_until is not None and state.busy_until > now:
            raise WrongState(gettext("%(id)s is being fetched just now; look again in a minute") % {"id": one.id})
        if version and version != state.held:
            raise WrongState(gettext("another version is held back by now; look at it first"))
        why = state.held_why
        state.base = state.offer = state.held
        state.offered, state.changed_at = state.held_back, now
        state.held, state.held_why, state.held_back = "", "", None
        state.save()
        audit.write(actor, "list_released", f"list:{one.id}", why, now=now)
    log.event("list_released", list=one.id)


def offered_file(list_id: str, kind: str) -> Path:
    """Return a file of what is offered: one of FILES; raises NotThere."""
    one = configured(list_id)
    state = ListState.objects.filter(list_id=one.id).first()
    path = _folder(one) / state.offer / f"{one.id}.{kind}" if state is not None and state.offer else None
    if kind not in FILES or path is None or not path.is_file():
        raise NotThere(gettext("nothing of %(id)s is offered here yet") % {"id": one.id})
    return path


def export(list_id: str, folder: Path) -> list[Path]:
    """Copy what is offered into a folder, to be signed on IT's computer; raises NotThere."""
    paths = [offered_file(list_id, kind) for kind in FILES]
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copyfile(path, folder / path.name)) for path in paths]


# --- one refresh -------------------------------------------------------------------------------------------------


def _claim(one: ListSettings, now: datetime) -> ListState:
    ListState.objects.get_or_create(list_id=one.id)
    free = ListState.objects.filter(Q(busy_until__isnull=True) | Q(busy_until__lte=now), list_id=one.id)
    if not free.update(busy_until=now + BUSY):
        raise WrongState(gettext("%(id)s is being fetched already") % {"id": one.id})
    return ListState.objects.get(list_id=one.id)


def _refreshed(one: ListSettings, state: ListState, now: datetime) -> str:
    folder = _folder(one)
    make_private_folder(folder)
    newest = state.held or state.offer
    is_same = state.settings == one.fingerprint and reads_pack(_pack(one, newest))
    wanted = Wanted(
        url=one.url,
        max_bytes=one.max_megabytes * _MEGABYTE,
        checksum_url=one.checksum_url,
        sha256=one.sha256,
        etag=state.etag if is_same else "",
        last_modified=state.last_modified if is_same else "",
    )
    fetched = list_fetch.fetch(wanted, folder)
    if fetched is None:
        return "unchanged"
    incoming = folder / "incoming"
    report, version = _compiled(one, fetched, incoming)
    published = _published_packs()
    if state.offer and _is_in_force(one, state.offer, published):
        state.base = state.offer  # a person signed it: growth counts from there
    result = _placed(one, state, incoming, version, report, published, now)
    state.settings, state.fetched_at = one.fingerprint, now
    state.etag, state.last_modified, state.checked_by = fetched.etag, fetched.last_modified, fetched.checked
    return result


def _compiled(one: ListSettings, fetched: Fetched, incoming: Path) -> tuple[BuildReport, str]:
    """Compile in a folder of its own; returns the report and the version, which is the pack's hash."""
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir()
    fetched.path.replace(incoming / _list_name(one))
    pack = incoming / f"{one.id}.pack"
    report = build(_sources(one, incoming), pack)
    (incoming / f"{one.id}.report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    with pack.open("rb") as file:
        return report, hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _placed(
    one: ListSettings,
    state: ListState,
    incoming: Path,
    version: str,
    report: BuildReport,
    published: Mapping[str, Path],
    now: datetime,
) -> str:
    """Make what was compiled the offer, or hold it back."""
    if version == state.held and reads_pack(_pack(one, version)):
        return "held"
    if version == state.offer and reads_pack(_pack(one, version)):
        state.held, state.held_why, state.held_back = "", "", None
        return "unchanged"
    base = _folder(one) / state.base if _is_there(one, state.base) else None
    if base is not None and not reads_pack(_pack(one, state.base)):  # of an older format: made anew to compare with
        build(_sources(one, base), _pack(one, state.base))
    difference = between(
        incoming / f"{one.id}.pack",
        _sources(one, incoming),
        _pack(one, state.base) if base is not None else None,
        _sources(one, base) if base is not None else (),
        report,
        {pack_id: path for pack_id, path in published.items() if pack_id != one.id and reads_pack(path)},
    )
    told = msgspec.to_builtins(difference)
    (incoming / f"{one.id}.difference.json").write_bytes(msgspec.json.format(msgspec.json.encode(told)))
    place = _folder(one) / version
    shutil.rmtree(place, ignore_errors=True)
    incoming.rename(place)
    why = "; ".join(_reasons_to_hold(difference, one.held_share_percent))
    if why:
        state.held, state.held_why, state.held_back = version, why[:300], told
        return "held"
    state.base = state.base if base is not None else version
    state.offer, state.offered, state.changed_at = version, told, now
    state.held, state.held_why, state.held_back = "", "", None
    return "offered"


def _reasons_to_hold(difference: Difference, share_percent: int) -> list[str]:
    limit = difference.before * share_percent / 100
    reasons = []
    if difference.before and difference.removed > limit:
        reasons.append(f"{difference.removed:,} of {difference.before:,} entries would go, more than {share_percent} %")
    if difference.before and difference.added > limit:
        reasons.append(f"{difference.added:,} entries would come to {difference.before:,}, more than {share_percent} %")
    odd = sum(count for reason, count in difference.refusals.items() if not reason.startswith(_PATH_REASON))
    if odd > ODD_SHARE * difference.read:
        reasons.append(f"{odd:,} of its {difference.read:,} lines are no usable host names")
    return reasons


def _failed(state: ListState, problem: str, now: datetime) -> str:
    state.failures, state.checked_at = state.failures + 1, now
    state.problem = problem[:300]
    return "failed"


def _sentence(fault: Exception, folder: Path) -> str:
    """One line without the collector's paths."""
    if isinstance(fault, OSError):
        return f"the collector can't keep the list: {fault.strerror or type(fault).__name__}"
    text = re.sub(re.escape(str(folder)) + r"/\S*?(?=[:\s]|$):?", "", str(fault))
    return " ".join(text.split()).strip()


# --- folders -----------------------------------------------------------------------------------------------------


def _folder(one: ListSettings) -> Path:
    return Path(settings.DATA_DIR) / "files" / "lists" / one.id


def _list_name(one: ListSettings) -> str:
    return f"{one.id}.list"


def _sources(one: ListSettings, folder: Path) -> list[ListSource]:
    """The list's parts, all known by the list's own id, whatever files an archive holds."""
    found = find_lists([f"{one.format}:{one.category}:{folder / _list_name(one)}"], Taxonomy.shipped())
    return [msgspec.structs.replace(source, list_id=one.id) for source in found.sources]


def _is_there(one: ListSettings, version: str) -> bool:
    return bool(version) and _pack(one, version).is_file()


def _pack(one: ListSettings, version: str) -> Path:
    return _folder(one) / version / f"{one.id}.pack"


def _prune(one: ListSettings, state: ListState) -> None:
    """Delete the versions that nothing refers to any more."""
    kept = {state.base, state.offer, state.held}
    for path in _folder(one).glob("*"):
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _published_packs() -> dict[str, Path]:
    """The packs that are published now, by id."""
    data_dir = Path(settings.DATA_DIR)
    publication = Publication(data_dir)
    try:
        published = publication.published()
        if published is None:
            return {}
        data = publication.read(f"metadata/{file_name('packs', published.versions['packs'])}") or b""
        targets = parse(data, Targets, "packs").signed.targets
    except (NotTrusted, KeyError):
        return {}
    found = {}
    for name, target in targets.items():
        path = data_dir / "rules" / "targets" / target_file_name(name, target.hashes["sha256"])
        if name.endswith(".pack") and path.is_file():
            found[name.removeprefix("packs/").removesuffix(".pack")] = path
    return found


def _is_in_force(one: ListSettings, version: str, published: Mapping[str, Path]) -> bool:
    return one.id in published and published[one.id].name.startswith(version)


def _next_at(one: ListSettings, state: ListState) -> datetime | None:
    if state.checked_at is None:
        return None
    usual = timedelta(hours=one.refresh_hours)
    wait = min(usual, RETRY * 2 ** min(state.failures - 1, 12)) if state.failures else usual
    return state.checked_at + wait


def _row(one: ListSettings, state: ListState, published: Mapping[str, Path]) -> ListRow:
    in_force = bool(state.offer) and _is_in_force(one, state.offer, published)
    if state.held:
        word = "held"
    elif state.problem:
        word = "failing"
    elif not state.offer:
        word = "new"
    else:
        word = "published" if in_force else "offered"
    return ListRow(
        id=one.id,
        category=one.category,
        licence=one.licence,
        url=one.url,
        state=word,
        problem=state.problem,
        checked_at=state.checked_at,
        changed_at=state.changed_at,
        next_at=_next_at(one, state),
        checked_by=state.checked_by,
        offer=state.offer,
        held=state.held,
        held_why=state.held_why,
        in_force=in_force,
        offered=msgspec.convert(state.offered, Difference) if state.offered is not None else None,
        held_back=msgspec.convert(state.held_back, Difference) if state.held_back is not None else None,
    )
