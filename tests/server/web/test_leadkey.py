"""The key page in a real Chromium with a virtual authenticator: passkeys unlock, can be removed, and fail in words."""

from __future__ import annotations

import json

import pytest

from protocol import leadkeys as keyfile
from protocol.messages import encode
from server import leadkeys
from server.store.models import AuditEntry, Incident, UnlockPasskey
from tests.server.web.held import Held

pytestmark = [pytest.mark.more, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
PHRASE = "anchor basil cactus dolphin ember falcon"
WITH_PRF = {
    "protocol": "ctap2",
    "ctap2Version": "ctap2_1",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
    "hasPrf": True,
}
KEPT = """async () => {
  const keystore = await import("/static/web/keystore.js");
  const pair = await keystore.recall(document.body.dataset.owner);
  return pair && [pair.privateKey.extractable, pair.signingKey.extractable, pair.publicKey.length];
}"""


@pytest.fixture(scope="module")
def file():
    return keyfile.make(PHRASE)


@pytest.fixture
def browser(signed_in, people, file):
    """`browser(options, width)`: the lead signed in on a device of its own, which has this authenticator."""
    leadkeys.keep(people.lead, encode(file))

    def on_device(options=WITH_PRF, width=1280):
        page = signed_in(people.lead, width)
        page.authenticator = page.context.new_cdp_session(page)
        page.authenticator.send("WebAuthn.enable")
        page.authenticator.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.goto("/desk/key/")
        return page

    return on_device


def add_passkey(page, label="Office laptop", words=PHRASE):
    page.fill("#passkey-label", label)
    page.fill("#passkey-words", words)
    page.click("#passkey-add")


def test_a_passkey_unlocks_the_key_after_it_was_added_with_the_words(browser, device, file):
    assert device.send(device.alert(Held(file), person="amira")).results == [("stored", None)]
    page = browser()
    assert page.is_hidden("#by-passkey")
    add_passkey(page)
    page.wait_for_selector("[data-passkey]")
    assert "Office laptop" in page.inner_text("#passkeys")
    page.goto("/desk/")
    page.click("#passkey-go:enabled")
    page.wait_for_selector("#queue[data-opened]")
    assert "amira" in page.inner_text("#queue")
    assert page.evaluate(KEPT) == [False, False, 64]
    page.goto(f"/desk/incidents/{Incident.objects.get().pk}/")
    page.click("#open:enabled")
    page.wait_for_selector("#opened:not([hidden])")
    page.fill("#note-text", "Signed with the key that the passkey opened")
    page.click("#note button")
    page.wait_for_selector("#notes :text('Signed with the key')")
    page.goto("/desk/key/")
    assert "not yet" not in page.inner_text("#passkeys table")
    assert page.faults == []
    actions = AuditEntry.objects.order_by("seq").values_list("action", flat=True)
    assert "passkey_added" in actions


@pytest.mark.more
def test_a_phone_is_a_second_device_with_a_passkey_of_its_own(browser, file):
    desk = browser()
    add_passkey(desk)
    desk.wait_for_selector("[data-passkey]")
    desk.click("summary")
    assert (
        desk.locator("img[src$='address.svg']").evaluate("(image) => image.decode().then(() => image.naturalWidth)")
        > 100
    )
    phone = browser(width=390)
    assert phone.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    phone.click("#passkey-go:enabled")
    phone.wait_for_selector("#unlock-problem:not([hidden])")
    assert "on another device" in phone.inner_text("#unlock-problem")
    phone.fill("#passphrase", PHRASE)
    phone.press("#passphrase", "Enter")
    phone.wait_for_selector("#unlocked:not([hidden])")
    add_passkey(phone, "Phone")
    phone.wait_for_selector("[data-label='Phone']")
    phone.wait_for_selector("#unlocked:not([hidden])")
    phone.click("#lock-now")
    phone.click("#passkey-go:enabled")
    phone.wait_for_selector("#unlocked:not([hidden])")
    assert sorted(UnlockPasskey.objects.values_list("label", flat=True)) == ["Office laptop", "Phone"]


def test_a_lost_passkey_is_removed_and_the_words_still_open(browser):
    page = browser()
    add_passkey(page)
    page.wait_for_selector("[data-passkey]")
    page.click("[data-passkey]")
    assert "Really remove Office laptop?" in page.inner_text("#passkeys")
    page.click("[data-passkey]")
    page.wait_for_selector("#passkeys:not(:has([data-passkey]))")
    assert page.is_hidden("#by-passkey")
    assert not UnlockPasskey.objects.exists()
    page.fill("#passphrase", PHRASE)
    page.press("#passphrase", "Enter")
    page.wait_for_selector("#unlocked:not([hidden])")
    assert AuditEntry.objects.filter(action="passkey_removed").count() == 1


def test_a_device_without_prf_says_so_and_keeps_nothing(browser):
    page = browser({**WITH_PRF, "hasPrf": False})
    add_passkey(page)
    page.wait_for_selector("#passkey-problem:not([hidden])")
    assert "offer no PRF" in page.inner_text("#passkey-problem")
    assert "six words" in page.inner_text("#passkey-problem")
    assert not UnlockPasskey.objects.exists()


def test_wrong_words_add_no_passkey(browser):
    page = browser()
    add_passkey(page, words="six words that are not right")
    page.wait_for_selector("#passkey-problem:not([hidden])")
    assert "do not open the key" in page.inner_text("#passkey-problem")
    assert not UnlockPasskey.objects.exists()


@pytest.mark.parametrize("part", ["opening", "signing", "salt"])
def test_what_the_collector_altered_of_a_passkey_opens_nothing(browser, part):
    page = browser()
    add_passkey(page)
    page.wait_for_selector("[data-passkey]")
    row = UnlockPasskey.objects.get()
    if part == "salt":
        row.salt = bytes(32)
    else:
        row.wrapped = {**row.wrapped, part: row.wrapped["signing" if part == "opening" else "opening"]}
    row.save()
    page.reload()
    page.click("#passkey-go:enabled")
    page.wait_for_selector("#unlock-problem:not([hidden])")
    assert "no longer opens the key" in page.inner_text("#unlock-problem")


def test_the_collector_never_gets_the_secret_of_a_passkey(browser):
    page = browser()
    sent = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    add_passkey(page)
    page.wait_for_selector("[data-passkey]")
    (given,) = [json.loads(body) for body in sent if "credential" in body]
    assert set(given) == {"key_id", "credential", "salt", "opening", "signing", "label"}
    assert PHRASE not in "".join(sent)
