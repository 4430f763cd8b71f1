"""Signing in at a real collector with a real Chromium: invitation, passkey, app, recovery code, and everything lost.

The passkeys are those of the browser's own virtual authenticator; mails are read where the collector puts them.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.identity_provider import identity_provider
from tests.journey.office import BIN, CHROMIUM, FLAGS, WAIT_MS, free_port, wait_for
from tests.journey.signing_in import PASSWORD, choose_password, set_up_app, sign_in, six_digits

SINGLE_SIGN_ON = """[sign_in.oidc]
id = "work"
name = "Work account"
server = "{server}"
client_id = "fairwatch"
client_secret_file = "keys/oidc-secret"
tenants = ["brightpath.example"]
trusted = true
"""
pytestmark = [
    pytest.mark.more,
    pytest.mark.skipif(CHROMIUM is None, reason="passkeys need a Chromium browser, and this system offers none"),
    pytest.mark.timeout(200),
]


@dataclass
class Office:
    """A collector that runs, and a browser."""

    folder: Path
    url: str
    browser: object

    def command(self, *arguments):
        words = [str(BIN / "fairwatch-server"), *arguments, "--data-dir", str(self.folder / "collector")]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add(self, name, role, *more):
        person = ("--role", role, "--email", f"{name}@brightpath.example", "--display-name", f"{name.title()} Okafor")
        said = self.command("user", name, *person, "--invite", *more)
        return re.search(r"(http\S+/account/invitation/\S+)", said)[1]

    def page(self, *, passkeys=True, **options):
        """A new browser of its own; problems on the console fail the test that looks at `page.problems`."""
        context = self.browser.new_context(**options)
        page = context.new_page()
        page.set_default_timeout(WAIT_MS)
        page.problems = []
        page.on("pageerror", lambda fault: page.problems.append(str(fault)))
        page.on("console", lambda said: page.problems.append(said.text) if self._is_ours(said) else None)
        page.cdp = context.new_cdp_session(page)
        page.cdp.send("WebAuthn.enable")
        if passkeys:
            page.key = new_authenticator(page)
        return page

    def _is_ours(self, said):
        """Whether it is an error of a page of the collector's: an identity provider's pages have their own."""
        return said.type == "error" and said.location["url"].startswith(self.url)

    def mails(self):
        return "\n".join(path.read_text() for path in sorted((self.folder / "collector" / "mails").glob("*")))


def new_authenticator(page):
    wanted = {
        "protocol": "ctap2", "ctap2Version": "ctap2_1", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    return page.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": wanted})["authenticatorId"]


def passkeys_of(page):
    return page.cdp.send("WebAuthn.getCredentials", {"authenticatorId": page.key})["credentials"]


@pytest.fixture(scope="module")
def provider():
    with identity_provider() as running:
        yield running


@pytest.fixture(scope="module")
def office(tmp_path_factory, playwright_driver, provider):
    folder = tmp_path_factory.mktemp("office")
    port = free_port()
    browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
    made = Office(folder, f"http://localhost:{port}", browser)
    made.command("init", "--name", "Bright Path Training", "--url", made.url)
    with (folder / "collector" / "collector.toml").open("a") as settings:
        settings.write(SINGLE_SIGN_ON.format(server=provider.url))
    secret = folder / "collector" / "keys" / "oidc-secret"
    secret.touch(mode=0o600)
    secret.write_text("a-secret-of-this-test")
    run = [BIN / "fairwatch-server", "run", "--data-dir", folder / "collector", "--http"]
    with (folder / "collector.log").open("wb") as output:
        collector = subprocess.Popen(run, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(made.url + "/v1/health")
        yield made
        browser.close()
    finally:
        collector.send_signal(signal.SIGTERM)
        collector.wait(20)


def no_problem_of_access(page):
    """What axe finds wrong with the page; a page wider than its window is a problem too."""
    found = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in Axe().run(page).response["violations"]]
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*found, *(["wider than the window"] if wide else [])]


# --- the ways in -------------------------------------------------------------------------------------------------


def test_invited_a_lead_chooses_a_password_then_a_passkey_and_then_the_desk_opens(office):
    link = office.add("sam", "lead")
    page = office.page()
    choose_password(page, link)
    page.goto(office.url + "/desk/")
    assert page.url.endswith("/account/2fa/"), "the desk must wait for the second factor"
    page.click("main >> text=Make a passkey")
    page.click("main button:has-text('Make it')")
    page.wait_for_selector("text=Shown only now")
    codes = page.locator(".codes li").all_inner_texts()
    assert len(set(codes)) == 10
    page.click("text=I have them; go on")
    page.wait_for_selector(".who")
    assert page.url.endswith("/desk/")
    assert page.problems == []
    page.goto(office.url + "/account/2fa/recovery-codes/")
    assert codes[0] not in page.inner_text("main")
    (key,) = passkeys_of(page)
    assert key["isResidentCredential"]
    # The link is used up, and says so.
    other = office.page()
    other.goto(link)
    assert "This invitation is over" in other.inner_text("main")
    # The same passkey signs in from the sign-in page, and no code is asked for after it.
    page.click(".who button")
    page.wait_for_selector("#id_login")
    page.goto(office.url + "/account/login/")
    page.click("text=Sign in with a passkey")
    page.wait_for_url("**/desk/")
    assert page.problems == []
    # The password alone still asks for the passkey.
    page.context.clear_cookies()
    sign_in(page, office.url, "sam")
    page.wait_for_selector("h1:has-text('Your second factor')")
    page.goto(office.url + "/desk/")
    assert page.url.endswith("/account/2fa/authenticate/")
    page.click("text=Use a passkey")
    page.wait_for_url("**/desk/")


def test_invited_a_deputy_makes_a_passkey_at_once_and_has_no_password(office):
    link = office.add("priya", "deputy")
    page = office.page()
    page.goto(link)
    page.click("main button:has-text('Make a passkey')")
    page.wait_for_selector("text=Shown only now")
    page.click("text=I have them; go on")
    page.wait_for_url("**/desk/")
    page.goto(office.url + "/account/2fa/")
    assert "You have none, and need none" in page.inner_text("main")
    assert page.problems == []


def test_an_app_s_code_signs_in_once_and_a_recovery_code_once(office):
    page = office.page(passkeys=False)
    choose_password(page, office.add("dana", "dpo"))
    secret = set_up_app(page)
    code = page.locator(".codes li").first.inner_text()
    for answer, opens in ((six_digits(secret, time.time() + 30), True), (code, True), (code, False)):
        page.context.clear_cookies()
        sign_in(page, office.url, "dana")
        page.fill("#id_code", answer)
        page.click("main button:has-text('Sign in') >> nth=0")
        page.wait_for_selector(".who" if opens else ".errorlist")
    page.context.clear_cookies()
    sign_in(page, office.url, "dana")
    page.wait_for_selector("h1:has-text('Your second factor')")


def test_with_everything_lost_it_resets_the_factor_and_the_person_is_told(office):
    person = office.page(passkeys=False)
    choose_password(person, office.add("ruth", "deputy"))
    set_up_app(person)
    it = office.page()
    choose_password(it, office.add("jo", "it"))
    it.click("main >> text=Make a passkey")
    it.click("main button:has-text('Make it')")
    it.wait_for_selector("text=Shown only now")
    it.goto(office.url + "/accounts/")
    it.click("text=Ruth Okafor")
    it.click("text=Reset the second factor")
    it.wait_for_selector("[role=status]:has-text('was reset')")
    assert it.problems == []
    # Signed out at once; and at the next sign-in everything waits for a new factor.
    person.goto(office.url + "/desk/")
    assert "/account/login/" in person.url
    sign_in(person, office.url, "ruth")
    person.wait_for_selector("h1:has-text('First, a second factor')")
    assert "Your second factor was reset by IT" in office.mails()


def test_it_adds_somebody_on_the_page_and_closes_them_again(office):
    it = office.page()
    choose_password(it, office.add("kim", "it"))
    it.click("main >> text=Make a passkey")
    it.click("main button:has-text('Make it')")
    it.wait_for_selector("text=Shown only now")
    it.goto(office.url + "/accounts/")
    it.fill("#id_name", "Chris Doyle")
    it.fill("#id_username", "chris")
    it.fill("#id_email", "chris@brightpath.example")
    it.select_option("#id_role", "manager")
    it.click("text=Add and invite")
    link = it.inner_text("#invitation-link")
    manager = office.page(passkeys=False)
    manager.goto(link)
    manager.fill("#id_password1", PASSWORD)
    manager.fill("#id_password2", PASSWORD)
    manager.click("text=Save the password")
    manager.wait_for_url("**/summary/")  # a manager needs no second factor here
    it.goto(office.url + "/accounts/")
    it.click("text=Chris Doyle")
    it.click("text=Close it")
    it.wait_for_selector("[role=status]:has-text('is closed')")
    manager.goto(office.url + "/summary/")
    assert "/account/login/" in manager.url
    assert it.problems == []


def test_one_ends_another_sign_in_of_one_s_own(office):
    first = office.page(passkeys=False)
    first.goto(office.add("max", "manager"))
    first.fill("#id_password1", PASSWORD)
    first.fill("#id_password2", PASSWORD)
    first.click("text=Save the password")
    first.wait_for_selector(".who")
    second = office.page(passkeys=False)
    sign_in(second, office.url, "max")
    second.wait_for_selector(".who")
    second.goto(office.url + "/account/sessions/")
    assert second.locator("tbody tr").count() == 2
    second.click("tbody button:has-text('End')")
    second.wait_for_function("document.querySelectorAll('tbody tr').length === 1")
    first.goto(office.url + "/summary/")
    assert "/account/login/" in first.url


def test_a_manager_comes_in_by_single_sign_on_alone_and_a_stranger_of_the_directory_does_not(office, provider):
    office.add("lena", "manager")
    known = {"email_verified": True, "hd": "brightpath.example"}
    provider.add("lena-subject", email="lena@brightpath.example", **known)
    provider.add("other-subject", email="other@brightpath.example", **known)
    page = office.page(passkeys=False)
    at_the_provider(office, page, "lena-subject")
    page.wait_for_url("**/summary/")
    page.wait_for_selector(".who")
    assert "Lena Okafor" in page.inner_text(".who")
    stranger = office.page(passkeys=False)
    at_the_provider(office, stranger, "other-subject")
    stranger.wait_for_selector("[role=alert]")
    assert "other@brightpath.example" not in stranger.inner_text("main"), "what a directory says is not shown back"
    stranger.goto(office.url + "/summary/")
    assert "/account/login/" in stranger.url
    assert page.problems == []


def test_a_lead_who_comes_in_by_single_sign_on_still_needs_a_second_factor_of_the_collector(office, provider):
    office.add("amir", "lead")
    provider.add("amir-subject", email="amir@brightpath.example", email_verified=True, hd="brightpath.example")
    page = office.page()
    at_the_provider(office, page, "amir-subject")
    page.wait_for_selector("h1:has-text('First, a second factor')")
    page.goto(office.url + "/desk/")
    assert page.url.endswith("/account/2fa/")
    page.click("main >> text=Make a passkey")
    page.click("main button:has-text('Make it')")
    page.wait_for_selector("text=Shown only now")
    page.click("text=I have them; go on")
    page.wait_for_url("**/desk/")
    # The next time: the directory, then the passkey.
    page.context.clear_cookies()
    at_the_provider(office, page, "amir-subject")
    page.wait_for_selector("h1:has-text('Your second factor')")
    page.click("text=Use a passkey")
    page.wait_for_url("**/desk/")
    assert page.problems == []


def at_the_provider(office, page, subject):
    """What a person does: press the button, and say at the provider who one is."""
    page.goto(f"{office.url}/account/login/")
    page.click("main >> text=Work account")
    page.fill("input[name=sub]", subject)
    page.click("button:has-text('Authorize')")


# --- for everybody -----------------------------------------------------------------------------------------------


@pytest.mark.more
@pytest.mark.parametrize(
    "looks", [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 800}}]
)
def test_every_page_of_signing_in_is_clear_to_axe_and_fits_a_phone(office, looks):
    name = "look" + str(len(str(looks)))
    link = office.add(name, "it")
    page = office.page(**looks)
    seen = {}

    def look(address):
        page.goto(address if address.startswith("http") else office.url + address)
        seen[address.replace(link, "invitation")] = no_problem_of_access(page)

    for address in (
        link,
        office.url + "/account/invitation/unknown/",
        "/account/login/",
        "/account/password/reset/",
        "/account/password/reset/done/",
        "/account/password/reset/key/1-odd/",
        "/account/password/reset/key/done/",
        "/account/inactive/",
    ):
        look(address)
    choose_password(page, link)
    look("/account/2fa/")
    look("/account/2fa/webauthn/add/")
    look("/account/2fa/totp/activate/")
    page.goto(office.url + "/account/2fa/")
    set_up_app(page)
    seen["codes"] = no_problem_of_access(page)
    for address in (
        "/account/2fa/",
        "/account/2fa/recovery-codes/",
        "/account/2fa/recovery-codes/generate/",
        "/account/2fa/totp/deactivate/",
        "/account/sessions/",
        "/account/password/change/",
        "/account/reauthenticate/",
        "/account/2fa/reauthenticate/",
        "/accounts/",
        "/account/logout/",
    ):
        look(address)
    page.goto(office.url + "/accounts/")
    page.click("tbody a >> nth=0")
    seen["account"] = no_problem_of_access(page)
    page.context.clear_cookies()
    sign_in(page, office.url, name)
    page.wait_for_selector("h1:has-text('Your second factor')")
    seen["second factor"] = no_problem_of_access(page)
    assert {address: found for address, found in seen.items() if found} == {}
    assert [one for one in page.problems if "410" not in one] == []  # an invitation that is over says so by its status
