"""Every sentence of the desk can be translated: where a language marks what it says, nothing stands unmarked."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from django.utils import translation

from server import languages
from server.store.models import Incident
from tests.server.web.held import Held

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(150)]

SERVER = Path(languages.__file__).parent
COMMAND = Path(sys.executable).with_name("django-admin")
MARKED = "zz"  # no language: what it translates stands in ⟦ ⟧
MARK = ["-e", "1s/^/⟦/", "-e", "$s/$/⟧/"]

PAGES = (
    "/desk/",
    "/desk/exceptions/",
    "/desk/key/",
    "/desk/share/",
    "/desk/concern/",
    "/desk/trial/",
    "/desk/card/",
    "/notifications/",
    "/account/2fa/",
    "/nowhere/",
)

# What a page says in words, a line each; not code, times, and what other people wrote.
WORDS = """() => {
  const found = [document.title];
  const code = "script, style, noscript, code, time, .mono, .brand";
  const data = `${code}, [data-said], [translate=no], #card-text, #concern-category`;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode())
    if (!walk.currentNode.parentElement.closest(data)) found.push(walk.currentNode.textContent);
  for (const name of ["aria-label", "placeholder", "alt", "title", "data-label"])
    for (const one of document.querySelectorAll(`[${name}]:not(time)`)) found.push(one.getAttribute(name));
  return found.join("\\n");
}"""
DATA = re.compile(
    r"· Fairwatch|FW-20\d\d-[\d…]+|\d+ [A-Z][a-z]+ 20\d\d|Bright Path Training|Europe/London|laptop-01|staff|amira"
    r"|Gambling|gambling(?: = flag)?|Sam Okafor|Priya Nair|The (?:deputy )?safeguarding lead"
)


@pytest.fixture(scope="session")
def marked(tmp_path_factory):
    """Catalogues, made of what Django's own command finds in pages, scripts and code, as a translator would."""
    folder = tmp_path_factory.mktemp("words")
    shutil.copytree(SERVER, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("locale", "__pycache__"))
    place = folder / "locale" / MARKED / "LC_MESSAGES"
    place.mkdir(parents=True)
    for domain in ("django", "djangojs"):
        command = [COMMAND, "makemessages", "-l", MARKED, "-d", domain, "--no-location"]
        _run(*command, cwd=folder)
        _mark(place / f"{domain}.po")
    return folder / "locale"


def _mark(written):
    """Translate a catalogue into itself, each sentence between its marks, and compile it."""
    said = _run("msgen", written).replace(b"nplurals=INTEGER; plural=EXPRESSION;", b"nplurals=2; plural=(n != 1);")
    marked = _run("msgfilter", "--keep-header", "sed", *MARK, given=said)
    _run("msgfmt", "-o", written.with_suffix(".mo"), "-", given=marked)


def _run(*command, given=None, cwd=None):
    done = subprocess.run(command, input=given, cwd=cwd, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def case(team, team_files, device):
    """A case, and an earlier one of the same person."""
    keys = [Held(one) for one in team_files.values()]
    now = datetime.now(UTC).replace(microsecond=0)
    for days in (0, 2):
        at = now - timedelta(days=days)
        change = lambda header, at=at: msgspec.structs.replace(header, started=at, ended=at)  # noqa: E731
        assert device.send(device.alert(*keys, person="amira", change=change)).results == [("stored", None)]
    return Incident.objects.latest("started")


@pytest.fixture
def in_marked(marked, settings):
    """The collector offers the marked language."""
    settings.LOCALE_PATHS = [marked]
    settings.LANGUAGES = languages.offered(marked)
    yield
    translation.trans_real._translations.clear()


def _unmarked(page):
    """The lines of a page that are neither marked, nor data."""
    rest, before = page.evaluate(WORDS), ""
    while rest != before:
        rest, before = re.sub(r"⟦[^⟦⟧]*⟧", " ", rest), rest
    return [line.strip() for line in DATA.sub(" ", rest).splitlines() if re.search(r"[^\W\d_]{2}", line)]


@pytest.mark.more
def test_every_sentence_of_the_desk_is_translated(in_marked, team_site, case):
    page = team_site("lead")
    page.set_extra_http_headers({"Accept-Language": MARKED})
    found = {}
    page.goto(f"/desk/incidents/{case.pk}/")
    page.click("#open:enabled")
    page.wait_for_selector("#print-part:not([hidden])")
    page.wait_for_selector("#related-near:not([hidden])")
    found["case"] = _unmarked(page)
    for address in PAGES:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        found[address] = _unmarked(page)
    assert {address: words for address, words in found.items() if words} == {}


@pytest.mark.parametrize("script", sorted((SERVER / "web/static/web").glob("*.js")), ids=lambda script: script.stem)
def test_no_script_says_a_sentence_that_translators_never_see(script):
    told = re.sub(r"^\s*(//|/?\*).*$", "", script.read_text(), flags=re.MULTILINE)
    for found in re.finditer(r'(["`])([A-Z](?:(?!\1)[^\n])*[a-z] (?:(?!\1)[^\n])*)\1', told):
        before = told[: found.start()].rstrip()
        assert re.search(r'gettext\((\s*"[^"\n]*",)?$', before), found[0]


def test_every_refusal_that_a_person_reads_is_looked_up_in_the_catalogue():
    bare = [
        f"{path.relative_to(SERVER)}:{made.lineno}"
        for path in sorted(SERVER.rglob("*.py"))
        for made in ast.walk(ast.parse(path.read_text()))
        if isinstance(made, ast.Call)
        and getattr(made.func, "id", "") in {"NotAllowed", "NotThere", "WrongState"}
        and any(isinstance(one, ast.JoinedStr) or _is_a_sentence(one) for one in _not_looked_up(made))
    ]
    assert bare == []


def _not_looked_up(node):
    """What stands in a call outside of `gettext`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and getattr(child.func, "id", "") in {"gettext", "ngettext", "_"}:
            continue
        yield child
        yield from _not_looked_up(child)


def _is_a_sentence(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip()
