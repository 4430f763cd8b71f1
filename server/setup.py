"""`fairwatch-server setup`: ask what a collector needs, show what will be done, do it, and have the doctor look.

Run again it asks only for what is still missing, and changes nothing that is there.
"""

from __future__ import annotations

import argparse
import subprocess
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from server import certificate_command, certificates, config, doctor, setup_keyboard, setup_questions
from server.errors import NotIssued, SetUpError
from server.files import make_private_folder, save
from server.initialise import TLS_CERTIFICATE, TLS_KEY, initialise
from server.program import own_command
from server.setup_questions import QUESTIONS, Answers, Ask, Question
from server.start import is_made, require, require_own_account

SECTION_OF = {"acme_email": "acme", "mail_host": "mail", "head_to": "audit", "backup_key": "backup"}
"""The question after which a whole section of collector.toml is asked for."""


@dataclass(frozen=True)
class Present:
    """What is there already: answers that are not asked for again, and the sections of collector.toml."""

    made: bool = False
    answers: Answers = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)


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
    given = setup_questions.from_file(args.answers) if args.answers is not None else {}
    given |= {one.key: value for one in QUESTIONS if (value := getattr(args, one.key, None)) is not None}
    there = present(data_dir)
    if args.yes or args.answers is not None:
        answers = gather(given, there, None)
        setup_keyboard.show(plan(data_dir, answers, there), kept(given, there))
        if wrong := wrong_with(answers):
            raise SetUpError("; ".join(wrong))
    else:
        answers = _agreed(data_dir, given, there)
    try:
        do(data_dir, answers, there)
    except KeyboardInterrupt:
        setup_keyboard.say("\nStopped half-way: run it again, and it goes on from there.")
        raise
    if _asks_authority(answers, there):
        _ask_authority(data_dir)
    _tell(data_dir, answers, there)
    return 0


def present(data_dir: Path) -> Present:
    """Return what is there; raises ConfigError for a collector.toml that can't be understood."""
    path = data_dir / config.FILE_NAME
    text = path.read_text("utf-8") if path.is_file() else ""
    config.parse(text, str(path))
    found = tomllib.loads(text)
    sections = {name: value for name, value in found.items() if isinstance(value, dict)}
    answers: Answers = {key: str(found[key]) for key in ("url", "listen") if key in found}
    answers |= {key: "" for key, name in SECTION_OF.items() if name in sections}
    if not is_made(data_dir):
        return Present(False, answers, sections)
    require(data_dir)
    from server.store.models import Organisation

    chosen, organisation = config.load(data_dir), Organisation.objects.get()
    known = {"name": organisation.name, "timezone": organisation.timezone, "url": chosen.url, "listen": chosen.listen}
    return Present(True, answers | known, sections)


def gather(given: Answers, there: Present, ask: Ask | None) -> Answers:
    """Return an answer to every question: what is there, else what was given, else asked, else the default.

    Raises SetUpError for an answer that can't be used, and for another one than what is there and can't be changed.
    """
    answers: Answers = {}
    for one in QUESTIONS:
        if not one.when(answers):
            answers[one.key] = ""
        elif one.key in there.answers:
            answers[one.key] = there.answers[one.key]
            if one.key not in SECTION_OF and given.get(one.key, answers[one.key]) != answers[one.key]:
                raise SetUpError(f"{one.option} is {answers[one.key]} already and is not changed by setup")
        elif one.key in given or ask is None or (there.made and one.key == "certificate"):
            answers[one.key] = _checked(one, given.get(one.key, one.default(answers)))
        else:
            answers[one.key] = ask(one, one.default(answers))
    return answers


def plan(data_dir: Path, answers: Answers, there: Present) -> list[str]:
    """Return what `do` would do, a sentence each."""
    steps = []
    if not there.made:
        steps.append(f"make the collector of {answers['name']} in {data_dir}, at {answers['url']}")
        if answers["url"].startswith("https://") and not answers["certificate"]:
            steps.append("make a key, which devices insist on, and its own certificate, which browsers warn of")
    if answers["certificate"] and _is_other(data_dir, answers):
        steps.append(f"put in the certificate {answers['certificate']}")
    if _asks_authority(answers, there):
        host = urlsplit(answers["acme_directory"]).hostname
        steps.append(f"ask {host} for a certificate for {answers['url']}, now and whenever it is to be renewed")
    return steps + [
        f"add [{one}] to collector.toml" for one in setup_questions.sections(answers) if one not in there.sections
    ]


def kept(given: Answers, there: Present) -> list[str]:
    """Return a sentence for each section that says something else than what was given, and stays as it is."""
    asked = setup_questions.values_of(dict.fromkeys((one.key for one in QUESTIONS), "") | given)
    return [
        f"[{name}] of collector.toml says something else than what was given, and stays: change it there"
        for name, values in asked.items()
        if name in there.sections and any(there.sections[name].get(key) != one for key, one in values.items())
    ]


def wrong_with(answers: Answers) -> list[str]:
    """Return why these answers can't be used together, a sentence each."""
    if not answers["certificate"]:
        return []
    try:
        certificate, key = (certificate_command.read(Path(answers[one])) for one in ("certificate", "certificate_key"))
    except SetUpError as fault:
        return [str(fault)]
    found = certificate_command.faults(certificate, key, answers["url"], datetime.now(UTC))
    return [f"{answers['certificate']} is not taken: {one}" for one in found]


def do(data_dir: Path, answers: Answers, there: Present) -> None:
    """Do it; raises SetUpError, ConfigError, OSError. Nothing that is there is replaced but the certificate.

    Ended half-way, it goes on from there when it is run again: each step leaves a file whole or not at all.
    """
    files = Path(answers["certificate"]), Path(answers["certificate_key"])
    if there.made and answers["certificate"]:  # first: it may be refused, and then nothing else is done either
        certificate_command.put_in(data_dir, *files, datetime.now(UTC))
    make_private_folder(data_dir)
    path = data_dir / config.FILE_NAME
    text = path.read_text("utf-8") if path.is_file() else ""
    added = (part for name, part in setup_questions.sections(answers).items() if name not in there.sections)
    fresh = ("" if there.made else setup_questions.head(answers, tomllib.loads(text))) + text + "".join(added)
    config.parse(fresh, str(path))
    if fresh != text:
        save(path, fresh.encode())  # for this account alone: it may hold the mail server's password
    if there.made:
        return
    initialise(data_dir, name=answers["name"], zone=answers["timezone"], url=answers["url"])
    require(data_dir)
    if answers["certificate"]:
        certificate_command.put_in(data_dir, *files, datetime.now(UTC))


def _asks_authority(answers: Answers, there: Present) -> bool:
    return bool(answers["acme_email"]) and "acme" not in there.sections


def _ask_authority(data_dir: Path) -> None:
    """Ask for the first certificate; where it fails, the collector that runs asks again by itself."""
    from server import acme_renewal

    try:
        acme_renewal.obtain(config.load(data_dir).acme, data_dir, datetime.now(UTC))
    except NotIssued as fault:
        setup_keyboard.say(
            f"\nNo certificate yet, since {fault}. The collector asks again while it runs; "
            "`fairwatch-server certificate --acme` asks at once."
        )


def _agreed(data_dir: Path, given: Answers, there: Present) -> Answers:
    """Ask at the keyboard, show what will be done, and take corrections until somebody says yes."""
    answers = gather(given, there, setup_keyboard.ask)
    while True:
        steps, wrong = plan(data_dir, answers, there), wrong_with(answers)
        if not steps and not wrong:
            setup_keyboard.show(steps, kept(given, there))
            return answers
        changeable = [one for one in QUESTIONS if one.key not in there.answers and one.when(answers)]
        setup_keyboard.show_answers(changeable, answers)
        setup_keyboard.show(steps, [*kept(given, there), *(f"wrong: {one}" for one in wrong)])
        again = setup_keyboard.agree([one.key for one in changeable], may_go_on=not wrong)
        if again is None:
            return answers
        left = {one.key: answers[one.key] for one in QUESTIONS if one.key != again and one.when(answers)}
        if again == "url":
            left.pop("listen", None)  # its port follows the address's
        answers = gather(left, there, setup_keyboard.ask)


def _checked(one: Question, answer: str) -> str:
    wrong = one.check(answer)
    if wrong is not None:
        raise SetUpError(f"{one.option}: {wrong}")
    return answer


def _tell(data_dir: Path, answers: Answers, there: Present) -> None:
    if answers["url"].startswith("https://") and (data_dir / TLS_CERTIFICATE).is_file():
        pin = certificates.pin(data_dir / TLS_CERTIFICATE)
        print(f"Fingerprint of its TLS key, for enrolment tokens: {pin}")  # noqa: T201
    print(f"The collector's own public keys, for the ceremony: {data_dir / 'keys' / 'online-keys.json'}")  # noqa: T201
    print("\nThe doctor says:", flush=True)  # noqa: T201
    if there.made:  # in a process of its own: this one has read the settings as they were
        subprocess.run([*own_command(), "doctor", "--data-dir", str(data_dir)], check=False)
    else:
        doctor.run(argparse.Namespace(data_dir=data_dir, json=False, alive=False))
    where = f"{answers['url'].rstrip('/')}/go-live/"
    setup_keyboard.say(
        "\nNext: fairwatch-server user NAME --role it --invite for yourself, the leads and the data protection "
        "officer, then fairwatch-server run (the package's service does it). What is missing before real use: " + where
    )


def _is_other(data_dir: Path, answers: Answers) -> bool:
    pairs = ((TLS_CERTIFICATE, "certificate"), (TLS_KEY, "certificate_key"))
    try:
        return any((data_dir / there).read_bytes() != Path(answers[given]).read_bytes() for there, given in pairs)
    except OSError:
        return True
