"""The fixed people and devices of the collector's tests, and its two databases."""

# ruff: noqa: E402 - Django is set up on a throw-away data folder before anything of the collector is imported

from __future__ import annotations

import atexit
import copy
import fcntl
import io
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

_DATA_DIR = Path(tempfile.mkdtemp(prefix="fairwatch-collector-"))
atexit.register(shutil.rmtree, _DATA_DIR, ignore_errors=True)
(_DATA_DIR / "rules").mkdir()
# Nobody needs a second factor in tests of other things; `tests/server/web/test_second_factor.py` is about who does.
(_DATA_DIR / "collector.toml").write_text('url = "http://localhost:8460"\n[sign_in]\nsecond_factor = []\n')
os.environ["FAIRWATCH_DATA_DIR"] = str(_DATA_DIR)
os.environ["DJANGO_SETTINGS_MODULE"] = "server.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # browser tests run beside an event loop

import django

django.setup()

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import call_command
from django.db import connections, transaction

from protocol import sealing, signing
from protocol.documents import SealedDocument, seal_signed
from protocol.messages import (
    Alert,
    AlertHeader,
    Batch,
    Evidence,
    Heading,
    Heartbeat,
    MatchedBy,
    Message,
    Parcel,
    Seen,
    SourceState,
    UsageRow,
    UsageTotals,
    encode,
)
from protocol.publication import Recipient, RecipientList
from server import usage
from server.config import Config
from server.device_api import device_api
from server.notify_config import Contact, Mail
from server.store.models import (
    AlertRecord,
    Device,
    Incident,
    IncidentRecipient,
    LeadKey,
    Organisation,
    PersonMonth,
    Role,
    User,
)
from tests.server.mail_server import MailServer, WebHook, mail_server, web_hook

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
HOST = "localhost:8460"

# --- databases ---------------------------------------------------------------------------------------------------


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return found[-1].parent if found else None


class Postgres:
    """One PostgreSQL server for all workers of a test session; it ends with the last that uses it."""

    def __init__(self, shared: Path) -> None:
        self._programs = _postgres_programs()
        self._file, self._lock = shared / "postgres.json", shared / "postgres.lock"
        self.folder = Path()

    def acquire(self) -> None:
        with self._locked() as state:
            if state.get("users", 0) == 0:
                state["folder"] = self._start()
            state["users"] = state.get("users", 0) + 1
            self.folder = Path(state["folder"])

    def release(self) -> None:
        with self._locked() as state:
            state["users"] -= 1
            if state["users"] == 0:
                self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "-w", "stop")
                shutil.rmtree(self.folder)

    def create(self, name: str) -> None:
        """Make an empty database."""
        self._run("createdb", "-h", str(self.folder), "-U", "fairwatch", name)

    def settings(self, name: str) -> dict[str, Any]:
        return {
            **copy.deepcopy(connections.settings["default"]),
            "ENGINE": "django.db.backends.postgresql",
            "HOST": str(self.folder),
            "PORT": "",
            "NAME": name,
            "USER": "fairwatch",
            "PASSWORD": "",
            "OPTIONS": {},
        }

    @contextmanager
    def _locked(self) -> Iterator[dict[str, Any]]:
        with self._lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = json.loads(self._file.read_text()) if self._file.exists() else {}
            yield state
            self._file.write_text(json.dumps(state))

    def _start(self) -> str:
        folder = Path(tempfile.mkdtemp(prefix="fairwatch-pg-", dir="/tmp"))
        if os.geteuid() == 0:
            os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
        self._run("initdb", "-D", str(folder / "data"), "-U", "fairwatch", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -k {folder} -c fsync=off -c full_page_writes=off -c max_connections=40"
        self._run("pg_ctl", "-D", str(folder / "data"), "-l", str(folder / "log"), "-o", options, "-w", "start")
        return str(folder)

    def _run(self, program: str, *arguments: str) -> None:
        assert self._programs is not None
        other: dict[str, Any] = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(
            [str(self._programs / program), *arguments],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            **other,
        )


@pytest.fixture(scope="session")
def fresh_collector(tmp_path_factory):
    """Makes a data folder as `fairwatch-server init` does: run once in a session, since it takes five seconds."""
    made = tmp_path_factory.mktemp("initialised") / "data"
    command = [sys.executable, "-m", "server", "init", "--data-dir", str(made), "--name", "Made"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return lambda folder: shutil.copytree(made, folder)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Postgres]:
    """The session's PostgreSQL server; tests that need one are skipped where it is not installed."""
    if _postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed")
    base = tmp_path_factory.getbasetemp()
    server = Postgres(base if worker_id == "master" else base.parent)
    server.acquire()
    yield server
    server.release()


@contextmanager
def use_database(settings: dict[str, Any]) -> Iterator[None]:
    """Make these the settings of the one database, in every thread."""
    before, connection = connections.settings["default"], connections["default"]
    connections.settings["default"] = settings
    connections["default"] = connections.create_connection("default")
    try:
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = before
        connections["default"] = connection


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Path:
    """A migrated, empty SQLite file."""
    path = tmp_path_factory.mktemp("template") / "collector.sqlite3"
    settings = {**copy.deepcopy(connections.settings["default"]), "NAME": str(path)}
    with django_db_blocker.unblock(), use_database(settings):
        call_command("migrate", verbosity=0)
        connections["default"].cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def postgres_settings(postgres: Postgres, worker_id: str, django_db_blocker: Any) -> dict[str, Any]:
    """A migrated, empty PostgreSQL database of this worker."""
    name = f"fairwatch_{worker_id}"
    postgres.create(name)
    with django_db_blocker.unblock(), use_database(postgres.settings(name)):
        call_command("migrate", verbosity=0)
    return postgres.settings(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: Any) -> Iterator[str]:
    """A fresh database with real commits, once SQLite and once PostgreSQL; its value is the vendor's name."""
    if request.param == "sqlite":
        file = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "collector.sqlite3")
        settings = {**copy.deepcopy(connections.settings["default"]), "NAME": str(file)}
    else:
        settings = request.getfixturevalue("postgres_settings")
    with django_db_blocker.unblock(), use_database(settings):
        yield request.param
        if request.param == "postgresql":
            _empty_postgres()


def _empty_postgres() -> None:
    """Delete what a test left. Only the few tables that hold rows are touched: TRUNCATE makes a file for each index."""
    connection = connections["default"]
    quote = connection.ops.quote_name
    tables = [quote(name) for name in connection.introspection.table_names() if name != "django_migrations"]
    with connection.cursor() as cursor:
        # As the owner of the server: the audit log's own triggers would refuse, which is what they are for.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(" UNION ALL ".join(f"(SELECT '{table}' FROM {table} LIMIT 1)" for table in tables))
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {table}")
            # Else the next test's plans would be made for rows that are gone, and its files hold their bytes.
            cursor.execute(f"VACUUM (FULL) {table}")
        cursor.execute("SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'")
        cursor.execute("SET session_replication_role = DEFAULT")


@pytest.fixture(autouse=True, scope="session")
def flush_without_triggers() -> Iterator[None]:
    """Let pytest-django empty the audit log between tests that commit: the triggers refuse it, as they should."""
    from django.db.backends.sqlite3.operations import DatabaseOperations

    usual = DatabaseOperations.execute_sql_flush

    def flush(self: DatabaseOperations, sql_list: list[str]) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
        usual(self, sql_list)
        with self.connection.cursor() as cursor:
            cursor.execute("DELETE FROM store_usage")
            for _, sql in triggers:
                cursor.execute(sql)

    DatabaseOperations.execute_sql_flush = flush
    yield
    DatabaseOperations.execute_sql_flush = usual


@pytest.fixture(autouse=True)
def no_remembered_keys() -> None:
    """Forget the ids of usage keys: each test has its own database."""
    usage.forget_keys()


# --- people ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class People:
    """One person of each role and a partner's lead, who has one group; a stranger is whoever does not sign in."""

    lead: User
    deputy: User
    partner: User
    it: User
    manager: User
    dpo: User
    PASSWORD = "correct horse battery staple"

    def __iter__(self) -> Iterator[User]:
        return iter((self.lead, self.deputy, self.partner, self.it, self.manager, self.dpo))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give whatever stores something, and named no database, pytest-django's (it must know before the session)."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if "stored" in names and "database" not in names and item.get_closest_marker("django_db") is None:
            item.add_marker(pytest.mark.django_db)


@pytest.fixture
def stored(request: pytest.FixtureRequest) -> None:
    """Whichever database the test asked for; pytest-django's, undone after each test, when it asked for none."""
    if "database" in request.fixturenames:
        request.getfixturevalue("database")


@pytest.fixture
def organisation(stored: None) -> Organisation:
    """The one organisation, in London."""
    return Organisation.objects.create(name="Bright Path Training", timezone="Europe/London", pilot=True)


@pytest.fixture(scope="session")
def password_hash() -> str:
    """The hash of everybody's password, made once: it is slow on purpose."""
    from django.contrib.auth.hashers import make_password

    return make_password(People.PASSWORD)


@pytest.fixture
def people(organisation: Organisation, password_hash: str) -> People:
    """One person of each role."""
    made = {
        role.value: User.objects.create(
            username=role.value,
            email=f"{role.value}@brightpath.example",
            role=role,
            display_name=f"The {role.label}",
            password=password_hash,
        )
        for role in Role
    }
    made["partner"] = User.objects.create(
        username="partner",
        email="partner@brightpath.example",
        role=Role.LEAD,
        groups=["learners"],
        display_name="The partner's lead",
        password=password_hash,
    )
    return People(**made)


@dataclass(frozen=True)
class HeldKey:
    """A lead key with its private half, which only tests have."""

    key_id: str
    public: bytes
    private: bytes


def make_lead_key(user: User) -> HeldKey:
    """Give a person a lead key."""
    private = os.urandom(sealing.KEY_BYTES)
    public = sealing.public_of(private)
    number = sealing.key_id(public)
    LeadKey.objects.create(user=user, key_id=number, public_key=public, wrapped={}, created_at=NOW)
    return HeldKey(number, public, private)


@pytest.fixture
def lead_key(people: People) -> HeldKey:
    """The lead's key."""
    return make_lead_key(people.lead)


@pytest.fixture
def deputy_key(people: People) -> HeldKey:
    """The deputy's key."""
    return make_lead_key(people.deputy)


def make_sealed_note(
    incident: UUID, *keys: HeldKey, text: bytes = b"Advice given.", by: HeldKey | None = None, note: UUID | None = None
) -> SealedDocument:
    """Seal and sign a note as the browser does, with the first key unless `by` says another."""
    return seal_signed("note", text, [key.public for key in keys], incident, note or uuid4(), (by or keys[0]).private)


@pytest.fixture
def sealed_note() -> Any:
    """`sealed_note(incident, key, ..., by=key)`: a sealed and signed note."""
    return make_sealed_note


@pytest.fixture
def publish_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`publish_list(key, (key, group, ...), ..., version=1)`: list these leads, of all groups or some, and recovery."""
    recovery = sealing.public_of(os.urandom(sealing.KEY_BYTES))
    folder = tmp_path / "rules" / "targets" / "recipients"

    def publish(*leads: HeldKey | tuple[Any, ...], version: int = 1) -> None:
        named = [one if isinstance(one, tuple) else (one,) for one in leads]
        rows = [Recipient(key.key_id, key.public, "lead", "lead", tuple(groups)) for key, *groups in named]
        rows.append(Recipient(sealing.key_id(recovery), recovery, "recovery", "recovery"))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{version}.recipients.json").write_bytes(encode(RecipientList(version, True, tuple(rows))))
        monkeypatch.setattr("django.conf.settings.RULES_DIR", tmp_path / "rules")

    return publish


# --- devices -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reply:
    """What the device API answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])

    @property
    def results(self) -> list[tuple[str, str | None]]:
        return [(one["result"], one["code"]) for one in self.json["receipts"]]


def call(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, **environ: Any) -> Reply:
    """Ask the device API over WSGI."""
    given = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()}
    wsgi = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "HTTP_HOST": HOST,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        **given,
        **environ,
    }
    started: list[Any] = []
    pieces = device_api(wsgi, lambda status, headers: started.extend((status, headers)))  # type: ignore[arg-type]
    content = b"".join(pieces)
    return Reply(int(started[0].split()[0]), dict(started[1]), content)


@dataclass
class EnrolledDevice:
    """A device as the collector meets it: it makes records, signs and posts them."""

    id: UUID
    key: Ed25519PrivateKey
    group: str
    counter: int = 0
    _people: dict[str, UUID] = field(default_factory=dict)

    def sign(self, path: str, body: bytes, *, at: datetime | None = None, method: str = "POST") -> dict[str, str]:
        url = f"http://{HOST}{path}"
        when = at or datetime.now(UTC)
        return signing.sign_request(method, url, body, key=self.key, key_id=str(self.id), at=when)

    def post(self, path: str, message: Message | bytes, *, at: datetime | None = None, **environ: Any) -> Reply:
        body = message if isinstance(message, bytes) else encode(message)
        return call("POST", path, body, self.sign(path, body, at=at), **environ)

    def send(self, *parcels: Parcel, **environ: Any) -> Reply:
        return self.post("/v1/records", Batch(1, self.id, parcels), **environ)

    def parcel(self, kind: str, body: Message | bytes, *, record: UUID | None = None, counter: int = 0) -> Parcel:
        self.counter += 1
        raw = body if isinstance(body, bytes) else encode(body)
        return Parcel(record or uuid4(), counter or self.counter, kind, 1, msgspec.Raw(raw))

    def person(self, account: str = "amira", month: str = "2026-11") -> UUID:
        return PersonMonth.objects.get_or_create(month=month, account=account)[0].person

    def rows(self, count: int = 3, *, person: UUID | None = None, seconds: int = 60) -> tuple[UsageRow, ...]:
        who = person or self.person()
        day = date(2026, 11, 20)
        return tuple(UsageRow(who, day, "host", "streaming", f"s{n}.example", seconds, 1) for n in range(count))

    def totals(self, rows: tuple[UsageRow, ...] | None = None, **parcel: Any) -> Parcel:
        return self.parcel("totals", UsageTotals(self.id, self.group, rows or self.rows()), **parcel)

    def heartbeat(self, **changes: Any) -> Parcel:
        usual = Heartbeat(
            device=self.id,
            group=self.group,
            at=NOW,
            agent_version="0.1.0",
            platform="Linux",
            sources=(SourceState("browser_history", "working", ""),),
            spool="normal",
            recipients_version=1,
            policy_version=1,
            packs={"curated": 1},
            formats=(1,),
            clock_offset_seconds=0,
            notice_shown=True,
        )
        return self.parcel("heartbeat", msgspec.structs.replace(usual, **changes))

    def alert(
        self,
        *keys: HeldKey,
        alert: UUID | None = None,
        revision: int = 0,
        urgent: bool = True,
        name: str = "flagged.example",
        category: str = "gambling",
        person: str = "amira",
        entries: tuple[str, ...] = (),
        change: Any = None,
        change_body: Any = None,
        signer: Ed25519PrivateKey | None = None,
    ) -> Parcel:
        """A sealed alert; `entries` are tags.

        `change(header)` alters the header before sealing, `change_body(alert)` the whole after.
        """
        record, counter = uuid4(), self.counter + 1
        header = AlertHeader(
            version=1,
            record=record,
            counter=counter,
            alert=alert or uuid4(),
            revision=revision,
            device=self.id,
            signer=self.id,
            group=self.group,
            urgent=urgent,
            started=NOW,
            ended=NOW + timedelta(minutes=1 + revision),
            sealed_to=tuple(key.key_id for key in keys),
            recipients_version=1,
            policy_version=1,
        )
        header = change(header) if change is not None else header
        head = encode(header)
        sealed = {
            purpose: sealing.seal(
                encode(content),
                [key.public for key in keys],
                sealing.Place(purpose=purpose, subject=header.device, record=header.record, header=head),
            )
            for purpose, content in (
                ("heading", Heading(1, category, person, "host", 1, entries=entries)),
                ("evidence", _evidence(category, person, name)),
            )
        }
        signature = signing.sign_alert(signer or self.key, head, sealed["heading"], sealed["evidence"])
        body = Alert(head, sealed["heading"], sealed["evidence"], signature)
        return self.parcel("alert", change_body(body) if change_body is not None else body, record=record)


def _evidence(category: str, person: str, name: str) -> Evidence:
    return Evidence(
        version=1,
        category=category,
        person=person,
        kind="host",
        source="browser_history",
        count=1,
        seen=(Seen(name, 1, NOW, NOW),),
        matched=(MatchedBy(category, name, (category,)),),
        policy_line="gambling = flag",
        policy_version=1,
    )


def make_device(name: str = "laptop-01", group: str = "staff") -> EnrolledDevice:
    """Enrol a device directly in the store."""
    key = Ed25519PrivateKey.generate()
    device = Device.objects.create(
        name=name,
        group=group,
        public_key=key.public_key().public_bytes_raw(),
        platform="Linux",
        enrolled_at=NOW,
    )
    return EnrolledDevice(device.pk, key, group)


@pytest.fixture
def device(organisation: Organisation) -> EnrolledDevice:
    """An enrolled device of the group staff."""
    return make_device()


@pytest.fixture
def other_device(organisation: Organisation) -> EnrolledDevice:
    """Another one, of the group learners."""
    return make_device("laptop-02", "learners")


# Test files can't import a conftest, so what they call is handed to them as fixtures.


@pytest.fixture(name="call")
def call_fixture() -> Any:
    """`call(method, path, body, headers)`: ask the device API."""
    return call


@pytest.fixture
def new_device(organisation: Organisation) -> Any:
    """`new_device(name, group)`: enrol one more."""
    return make_device


@pytest.fixture
def new_lead_key() -> Any:
    """`new_lead_key(user)`: give somebody a key."""
    return make_lead_key


@pytest.fixture
def now() -> datetime:
    """The time at which tests happen."""
    return NOW


@pytest.fixture
def data_dir() -> Path:
    """The data folder that the settings name."""
    return _DATA_DIR


@pytest.fixture
def case(device, lead_key):
    """An incident sealed to the lead alone."""
    alert = uuid4()
    assert device.send(device.alert(lead_key, alert=alert)).results == [("stored", None)]
    return alert


@pytest.fixture
def open_part():
    """`open_part(kept, key, purpose)`: the heading or evidence of what the collector hands out, opened with a key."""

    def opened(kept, key, purpose):
        place = sealing.Place(purpose=purpose, subject=kept.device, record=kept.record, header=kept.header)
        return sealing.open_envelope(getattr(kept, purpose), key.private, place)

    return opened


def make_incident(device: EnrolledDevice, *keys: HeldKey, urgent: bool = True, at: datetime = NOW) -> Incident:
    """Put a case into the store as `incidents.record` keeps it, received at a chosen time; nobody is told of it."""
    with transaction.atomic():  # as a device's record: no sender may see half of it
        incident = Incident.objects.create(
            id=uuid4(),
            reference=f"FW-2026-{Incident.objects.count():05}",
            device_id=device.id,
            signer_id=device.id,
            group=device.group,
            urgent=urgent,
            started=at - timedelta(minutes=3),
            ended=at,
            received_at=at,
            updated_at=at,
            revision=0,
        )
        header = AlertHeader(
            version=1, record=uuid4(), counter=1, alert=incident.pk, revision=0, device=device.id, signer=device.id,
            group=device.group, urgent=urgent, started=incident.started, ended=at,
            sealed_to=tuple(key.key_id for key in keys), recipients_version=1, policy_version=1,
        )  # fmt: skip
        record = AlertRecord.objects.create(
            record=header.record, incident=incident, signer_id=device.id, revision=0, header=encode(header),
            heading=b"", evidence=b"", evidence_sha256=b"", signature=b"", received_at=at,
        )  # fmt: skip
        for key in keys:
            IncidentRecipient.objects.create(incident=incident, key_id=key.key_id, record=record)
        return incident


@pytest.fixture
def new_incident(device: EnrolledDevice) -> Any:
    """`new_incident(key, ..., urgent=True, at=NOW)`: one more case of the device."""
    return partial(make_incident, device)


@pytest.fixture
def post() -> Iterator[MailServer]:
    """A real mail server on loopback."""
    with mail_server() as server:
        yield server


@pytest.fixture
def hook() -> Iterator[WebHook]:
    """A real web server on loopback that takes what is posted."""
    with web_hook() as server:
        yield server


def use_mail(settings: Any, server: MailServer, contacts: tuple[Contact, ...] = (), **mail: Any) -> None:
    """Make the collector send by this server, as collector.toml would say."""
    given = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "Fairwatch <fw@collector.example>"}
    chosen = Mail(**{**given, **mail})
    settings.CONFIG = Config(url="https://fairwatch.example", mail=chosen, contacts=contacts)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = chosen.host, chosen.port
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = chosen.user, chosen.password
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = chosen.security == "starttls", chosen.security == "ssl"
    settings.EMAIL_TIMEOUT = 20
    settings.DEFAULT_FROM_EMAIL = chosen.sender


@pytest.fixture
def by_mail(settings: Any, post: MailServer) -> MailServer:
    """The mail server that the collector sends by."""
    use_mail(settings, post)
    return post


@pytest.fixture
def own_environment(database: str, by_mail: MailServer, tmp_path: Path) -> dict[str, str]:
    """The environment of a collector in a process of its own, on the test's database and mail server."""
    (tmp_path / "collector.toml").write_text(
        f'[mail]\nhost = "127.0.0.1"\nport = {by_mail.port}\nsecurity = "none"\nfrom = "fw@collector.example"\n'
    )
    here = connections.settings["default"]
    environment = {**os.environ, "FAIRWATCH_DATA_DIR": str(tmp_path)}
    if database == "postgresql":
        environment["FAIRWATCH_DATABASE"] = f"postgresql://fairwatch@{quote(here['HOST'], safe='')}/{here['NAME']}"
    return environment


@pytest.fixture(name="use_mail")
def use_mail_fixture() -> Any:
    """`use_mail(settings, server, ...)`: send by this server."""
    return use_mail
