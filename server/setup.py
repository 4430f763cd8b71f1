"""`fairwatch-server setup`: ask what a collector needs, show what will be done, do it, and have the doctor look.

Run again it asks only for what is still missing, and changes nothing that is there.
"""

from __future__ import annotations

import argparse
import getpass
import subprocess
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from server import certificates, config, doctor, setup_questions
from server.errors import SetUpError
from server.files import make_private_folder, save
from server.initialise import TLS_CERTIFICATE, initialise
from server.program import own_command
from server.setup_questions import QUESTIONS, Answers, Question
from server.start import require, require_own_account

Ask = Callable[[Question, str], str]
FIXED = {"name", "timezone", "url", "listen"}
"""What is changed by hand in collector.toml, or never: devices insist on the address."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `setup` takes: every question as an option, but for the password."""
    parser.add_argument(
        "--answers", type=Path, metavar="FILE", help="TOML with the options' names as keys; asks nothing"
    )
    parser.add_argument("--yes", action="store_true", help="ask nothing: what is not given is the default")
    for one in QUESTIONS:
        if not one.hidden:
            parser.add_argument(one.option, metavar="TEXT", help=one.words.replace("%", "%%"))


def run(args: argparse.Namespace) -> int:
    """Set up, and say what the doctor finds and what is next; done is done, also while much is still missing."""
    data_dir: Path = args.data_dir
    require_own_account(data_dir)
    made = (data_dir / "keys" / "django").is_file()
    given = setup_questions.from_file(args.answers) if args.answers is not None else {}
    given |= {one.key: value for one in QUESTIONS if (value := getattr(args, one.key, None)) is not None}
    unattended = args.yes or args.answers is not None
    there = _there(data_dir) if made else {}
    answers = gather(given, there, None if unattended else _ask)
    steps = plan(data_dir, answers, there, made=made)
    print("\n".join(("This will be done:", *(f"- {one}" for one in steps)) if steps else ("Nothing is left to do.",)))  # noqa: T201
    if steps and not unattended and input("Type yes to go on: ").strip().lower() != "yes":
        raise SetUpError("nothing was changed")
    do(data_dir, answers, made=made)
    if answers["url"].startswith("https://"):
        pin = certificates.pin(data_dir / TLS_CERTIFICATE)
        print(f"Fingerprint of its TLS key, for enrolment tokens: {pin}")  # noqa: T201
    print(f"The collector's own public keys, for the ceremony: {data_dir / 'keys' / 'online-keys.json'}")  # noqa: T201
    print("\nThe doctor says:", flush=True)  # noqa: T201
    if made:  # in a process of its own: this one has read the settings as they were
        subprocess.run([*own_command(), "doctor", "--data-dir", str(data_dir)], check=False)
    else:
        doctor.run(argparse.Namespace(data_dir=data_dir, json=False))
    print(f"\n{_next_step(answers)}")  # noqa: T201
    return 0


def gather(given: Answers, there: Answers, ask: Ask | None) -> Answers:
    """Return an answer to every question: what is there, else what was given, else asked, else the default.

    Raises SetUpError for an answer that can't be used, and for another one than what is there and can't be changed.
    """
    answers: Answers = {}
    for one in QUESTIONS:
        if not one.when(answers):
            answers[one.key] = ""
            continue
        if one.key in there:
            answers[one.key] = there[one.key]
            if given.get(one.key, there[one.key]) != there[one.key] and one.key in FIXED:
                raise SetUpError(f"{one.option} is {there[one.key]} already and is not changed by setup")
            continue
        answers[one.key] = _answer(one, given, answers, ask, made=bool(there))
    return answers


def plan(data_dir: Path, answers: Answers, there: Answers, *, made: bool) -> list[str]:
    """Return what `do` would do, a sentence each."""
    steps = []
    if not made:
        steps.append(f"make the collector of {answers['name']} in {data_dir}, at {answers['url']}")
        if answers["url"].startswith("https://") and not answers["certificate"]:
            steps.append("make its own certificate, which devices insist on and browsers warn of")
    if answers["certificate"] and _is_other(data_dir, answers):
        steps.append(f"put in the certificate {answers['certificate']}, once it is found to be right")
    known = there.get("sections", "").split()
    return steps + [f"add [{one}] to collector.toml" for one in setup_questions.sections(answers) if one not in known]


def do(data_dir: Path, answers: Answers, *, made: bool) -> None:
    """Do it; raises SetUpError, ConfigError, OSError. Nothing that is there is replaced but the certificate."""
    make_private_folder(data_dir)
    path = data_dir / config.FILE_NAME
    text = path.read_text("utf-8") if path.is_file() else ""
    known, sections = _sections(text), setup_questions.sections(answers)
    fresh = text or setup_questions.head(answers)
    fresh += "".join(part for name, part in sections.items() if name not in known)
    config.parse(fresh, str(path))
    if fresh != text:
        save(path, fresh.encode())  # for this account alone: it may hold the mail server's password
    if not made:
        initialise(data_dir, name=answers["name"], zone=answers["timezone"], url=answers["url"])
    require(data_dir)
    if answers["certificate"]:
        from server import certificate_command

        files = Path(answers["certificate"]), Path(answers["certificate_key"])
        certificate_command.put_in(data_dir, *files, datetime.now(UTC))


def _answer(one: Question, given: Answers, so_far: Answers, ask: Ask | None, *, made: bool) -> str:
    default = one.default(so_far)
    if one.key not in given and ask is not None and not (made and one.key.startswith("certificate")):
        return ask(one, default)
    answer = given.get(one.key, default)
    wrong = one.check(answer)
    if wrong is not None:
        raise SetUpError(f"{one.option}: {wrong}")
    return answer


def _ask(one: Question, default: str) -> str:
    words = f"{one.words}{f' [{default}]' if default else ''}: "
    while True:
        try:
            answer = (getpass.getpass(words) if one.hidden else input(words)).strip() or default
        except EOFError:
            raise SetUpError("nobody answered; give the answers as options with --yes, or in --answers FILE") from None
        wrong = one.check(answer)
        if wrong is None:
            return answer
        print(f"  {wrong}", file=sys.stderr)  # noqa: T201


def _there(data_dir: Path) -> Answers:
    """Return what a collector that was made has; `sections` names those of its collector.toml."""
    require(data_dir)
    from server.store.models import Organisation

    chosen, organisation = config.load(data_dir), Organisation.objects.get()
    found = {"name": organisation.name, "timezone": organisation.timezone, "url": chosen.url, "listen": chosen.listen}
    sections = _sections((data_dir / config.FILE_NAME).read_text("utf-8"))
    for name, keys in (("mail", "mail_host"), ("audit", "head_to"), ("backup", "backup_key")):
        if name in sections:
            found[keys] = ""
    return found | {"sections": " ".join(sorted(sections))}


def _sections(text: str) -> set[str]:
    return {name for name, value in tomllib.loads(text).items() if isinstance(value, dict)}


def _is_other(data_dir: Path, answers: Answers) -> bool:
    there = data_dir / TLS_CERTIFICATE
    return not there.is_file() or there.read_bytes() != Path(answers["certificate"]).read_bytes()


def _next_step(answers: Answers) -> str:
    where = f"{answers['url'].rstrip('/')}/go-live/"
    return (
        "Next: fairwatch-server user NAME --role it --invite for yourself, the leads and the data protection officer, "
        f"then fairwatch-server run (the package's service does it). What is missing before real use: {where}"
    )
