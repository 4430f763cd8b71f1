"""IT's pages of phones: an id is shown once, a code that a camera reads, a fleet by table, and nothing for others."""

from __future__ import annotations

import dataclasses
import io
import re
import zipfile
from datetime import UTC, datetime

import pytest
import zxingcpp
from django.test import Client
from PIL import Image
from playwright.sync_api import expect

from server import phones
from server.errors import PhoneFileRefused
from server.phone_settings import PhoneSettings
from server.phones import NewPhone
from server.store.models import AuditEntry, Device, DeviceDay, Phone
from tests.server.web.look import look

HOST = "dns.example.org"
GIVEN = {"name": "Sam's <phone>", "group": "staff", "platform": "ios", "account": "sam", "noticed": "yes"}


@pytest.fixture
def it(people, device, settings):
    """IT's client, at a collector that knows its gateway."""
    settings.CONFIG = dataclasses.replace(settings.CONFIG, phones=PhoneSettings(HOST, ("192.0.2.1",)))
    client = Client()
    client.force_login(people.it)
    return client


def added(**more):
    return phones.add(None, NewPhone("Pixel", "staff", "android", account="lee", noticed=True, **more), now())


def now():
    return datetime.now(UTC)


def id_in(page):
    return re.search(rf"https://{HOST}/d/([a-z2-7]{{26}})/dns-query", page)[1]


@pytest.mark.django_db
def test_an_id_is_shown_once_with_its_files_and_never_again(it):
    answer = it.post("/devices/phones/add", GIVEN)
    page = answer.content.decode()
    ident, kept = id_in(page), Phone.objects.get()
    assert phones.is_id_of(kept, ident)
    assert "Sam&#x27;s &lt;phone&gt;" in page
    assert answer["Cache-Control"] == "no-store"
    packed = it.post(f"/devices/phones/{kept.pk}/files", {"id": ident})
    assert packed["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(packed.content)) as files:
        assert "fairwatch-unsigned.mobileconfig" in files.namelist()
        assert ident.encode() in files.read("fairwatch-unsigned.mobileconfig")
    for address in ("/devices/phones/", f"/devices/phones/{kept.pk}/"):
        assert ident not in it.get(address).content.decode()
    assert it.post(f"/devices/phones/{kept.pk}/files", {"id": "a" * 26}).status_code == 409


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "name is empty"),
        ({"name": "{{serial}}"}, "variable of a fleet tool"),
        ({"group": "nobody"}, "no group «nobody»"),
        ({"noticed": ""}, "first give the notice"),
        ({"platform": "symbian"}, "platform is one of"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(it, change, said):
    answer = it.post("/devices/phones/add", GIVEN | change)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert said.lower() in page.lower()
    assert 'value="sam"' in page
    assert not Phone.objects.exists()


@pytest.mark.django_db
def test_without_a_gateways_name_nothing_is_added_and_it_is_said_where_to_write_it(it, settings):
    settings.CONFIG = dataclasses.replace(settings.CONFIG, phones=PhoneSettings())
    answer = it.post("/devices/phones/add", GIVEN)
    assert (answer.status_code, Phone.objects.count()) == (409, 0)
    assert "[phones] in collector.toml" in answer.content.decode()


@pytest.mark.django_db
def test_each_action_does_what_its_command_does(it, device):
    phone, first = added()
    base = f"/devices/phones/{phone.pk}"
    second = id_in(it.post(f"{base}/new-id").content.decode())
    assert it.post(f"{base}/hand-on", {"account": "ann"}).status_code == 409
    third = id_in(it.post(f"{base}/hand-on", {"account": "ann", "noticed": "yes"}).content.decode())
    assert len({first, second, third}) == 3
    assert Phone.objects.get().account == "ann"
    assert it.post(f"{base}/lost").status_code == 302
    assert "lost since" in it.get(f"{base}/").content.decode()
    assert it.post(f"{base}/lost").status_code == 409
    assert it.post(f"{base}/lost", {"found": "yes"}).status_code == 302
    assert it.post(f"{base}/withdraw").status_code == 302
    assert Device.objects.get(pk=phone.pk).status == Device.Status.REVOKED
    assert "It was withdrawn" in it.get(f"{base}/").content.decode()
    assert it.post(f"{base}/new-id").status_code == 409
    assert it.post(f"/devices/gateways/{device.id}", {"gateway": "yes"}).status_code == 302
    assert Device.objects.get(pk=device.id).gateway
    assert it.post(f"/devices/gateways/{device.id}", {"gateway": "no"}).status_code == 302
    assert not Device.objects.get(pk=device.id).gateway
    assert it.post(f"/devices/gateways/{phone.pk}", {"gateway": "yes"}).status_code == 404


@pytest.mark.django_db
def test_a_lock_is_handed_out_only_while_two_gateways_answer(it, device, other_device):
    phone, _ = added()
    base = f"/devices/phones/{phone.pk}"
    assert "policy-android.json" not in it.post(f"{base}/new-id").content.decode()
    Device.objects.filter(pk__in=[device.id, other_device.id]).update(gateway=True, last_seen=now())
    assert "policy-android.json" in it.post(f"{base}/new-id").content.decode()
    assert "2 gateways answer" in it.get("/devices/phones/unlock").content.decode()
    with zipfile.ZipFile(io.BytesIO(it.get("/devices/phones/unlock.zip").content)) as files:
        assert sorted(files.namelist()) == ["README.txt", "unlock-android.json"]


def _refused(*_given):
    raise PhoneFileRefused("no file")


@pytest.mark.django_db
def test_a_fleet_comes_as_one_archive_or_not_at_all(it, monkeypatch):
    def send(text, **more):
        file = io.BytesIO(text.encode())
        file.name = "phones.csv"
        return it.post("/devices/phones/fleet/take", {"file": file, "noticed": "yes"} | more)

    wrong = send("name,group,platform\nA,staff,ios\nB,nobody,ios\n")
    assert wrong.status_code == 409
    assert "Line 3: there is no group" in wrong.content.decode()
    wrong = send("name,group,platform\nA,staff,ios\n", variable="$UDID")
    assert (wrong.status_code, Phone.objects.count()) == (409, 0)
    with monkeypatch.context() as broken:
        broken.setattr("server.phone_fleet.phone_files.files_for", _refused)
        assert send("name,group,platform\nA,staff,ios\n").status_code == 409
    assert Phone.objects.count() == 0
    made = send("name,group,platform,serial\nA,staff,ios,C1\nB,staff,android,\n", variable="$EXTENSIONATTRIBUTE_3")
    assert made["Content-Disposition"] == 'attachment; filename="fairwatch-phones.zip"'
    with zipfile.ZipFile(io.BytesIO(made.content)) as files:
        assert "fleet-of-iphones/fairwatch-fleet.csv" in files.namelist()
        assert any(name.startswith("each/0002-B/") for name in files.namelist())
    assert Phone.objects.count() == 2


@pytest.mark.django_db
def test_the_link_sets_an_iphone_up_once_and_says_the_same_of_every_other(it):
    phone, _ = phones.add(None, NewPhone("iPhone", "staff", "ios", account="samantha.reid", noticed=True), now())
    page = it.post(f"/devices/phones/{phone.pk}/link").content.decode()
    path = re.search(r"https?://[^/]+(/phone/[\w-]+/)", page)[1]
    stranger = Client()
    for _ in range(3):  # previews open it too
        shown = stranger.get(path)
        assert shown.status_code == 200
    assert "samantha" not in shown.content.decode()
    assert shown["Referrer-Policy"] == "same-origin"  # the address is the secret
    assert shown["Cache-Control"] == "no-store"
    got = stranger.post(path)
    assert got["Content-Type"] == "application/x-apple-aspen-config"
    ident = re.search(rb"/d/([a-z2-7]{26})/dns-query", got.content)[1].decode()
    assert phones.is_id_of(Phone.objects.get(), ident)
    over = [stranger.post(path), stranger.get(path), stranger.get("/phone/was-never-made/")]
    assert {one.status_code for one in over} == {410}
    assert len({one.content for one in over[1:]}) == 1
    assert AuditEntry.objects.filter(action="phone_link_used").count() == 1


@pytest.mark.django_db
def test_a_link_is_not_used_up_while_the_collector_can_make_no_files(it, settings, monkeypatch):
    phone, _ = phones.add(None, NewPhone("iPhone", "staff", "ios", noticed=True), now())
    path = re.search(r"(/phone/[\w-]+/)", it.post(f"/devices/phones/{phone.pk}/link").content.decode())[1]
    with monkeypatch.context() as broken:
        broken.setattr("server.phone_handout.phone_files.files_for", _refused)
        assert Client().post(path).status_code == 503
    whole, settings.CONFIG = settings.CONFIG, dataclasses.replace(settings.CONFIG, phones=PhoneSettings())
    assert Client().post(path).status_code == 503
    settings.CONFIG = whole
    assert Client().post(path).status_code == 200


@pytest.mark.django_db
def test_phones_are_on_their_own_page_and_not_among_devices_that_report(it):
    added()
    assert "Pixel" in it.get("/devices/phones/").content.decode()
    assert "Pixel" not in it.get("/devices/").content.decode()


@pytest.mark.django_db
def test_a_long_list_is_cut_and_searched(it, monkeypatch):
    monkeypatch.setattr("server.web.phones.SHOWN_MAX", 2)
    for number in range(4):
        phones.add(None, NewPhone(f"Phone {number}", "staff", "ios", account=f"sam{number}", noticed=True), now())
    page = it.get("/devices/phones/").content.decode()
    assert "2 more are not shown" in page
    assert page.count('scope="row"') == 2
    page = it.get("/devices/phones/?q=SAM3").content.decode()
    assert "Phone 3" in page
    assert "Phone 1" not in page
    page = it.get("/devices/phones/", {"q": "<script>"}).content.decode()
    assert "No phone is about “&lt;script&gt;”" in page
    assert "<script>" not in page.partition("<body")[2].replace("</script>", "")


@pytest.mark.django_db(transaction=True)
def test_the_camera_reads_the_code_and_the_person_copies_the_phones_own_host(
    it, people, signed_in, live_server, settings
):
    settings.CONFIG = dataclasses.replace(settings.CONFIG, url=live_server.url)
    phone, _ = added()
    page = signed_in(people.it)
    page.goto(f"/devices/phones/{phone.pk}/")
    page.get_by_role("button", name="Make a link").click()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        picture = Image.open(io.BytesIO(page.locator(".code-picture svg").screenshot()))
        (read,) = zxingcpp.read_barcodes(picture)
        assert read.text == page.locator("#phone-link").inner_text()
    person = signed_in(people.manager, 390)
    person.goto(read.text)
    person.get_by_role("button", name="Show the setting").click()
    host = person.locator("#host").inner_text()
    ident, _, rest = host.partition(".")
    assert rest == HOST
    assert phones.is_id_of(Phone.objects.get(), ident)
    person.goto(read.text)
    expect(person.get_by_role("heading", name="This link is over")).to_be_visible()
    assert page.faults == person.faults == []


@pytest.mark.more
@pytest.mark.django_db(transaction=True)
def test_the_pages_are_good_to_look_at(it, people, device, other_device, signed_in):
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    given = [
        NewPhone(f"Sample phone {n}", "staff", ("ios", "android")[n % 2], n == 2, "sam", noticed=True) for n in range(4)
    ]
    made = [phones.add(None, one, long_ago)[0] for one in given]
    Phone.objects.filter(device__in=made[:2]).update(last_asked=now())
    Phone.objects.filter(device=made[2]).update(last_asked=datetime(2026, 2, 1, tzinfo=UTC))
    DeviceDay.objects.create(device=made[2], day=20260201)
    phones.withdraw(None, made[3].pk, now())
    Device.objects.filter(pk__in=[device.id, other_device.id]).update(gateway=True)
    Device.objects.filter(pk=device.id).update(last_seen=now())
    page = signed_in(people.it)
    for name, address in (
        ("phones", "/devices/phones/"),
        ("phone", f"/devices/phones/{made[0].pk}/"),
        ("phone-silent", f"/devices/phones/{made[2].pk}/"),
        ("phones-fleet", "/devices/phones/fleet"),
        ("phones-unlock", "/devices/phones/unlock"),
    ):
        page.goto(address)
        look(page, name)
    page.goto(f"/devices/phones/{made[0].pk}/")
    page.get_by_role("button", name="Make a link").click()
    look(page, "phone-link-made")
    link = page.locator("#phone-link").inner_text()
    path = link[link.index("/phone/") :]
    page.goto(f"/devices/phones/{made[1].pk}/")
    page.get_by_role("button", name="Give it a new id").click()
    look(page, "phone-handed-out")
    page.goto(path)
    look(page, "phone-link")
    page.goto("/phone/nobody-has-this/")
    look(page, "phone-link-over")
    page.goto(f"/devices/phones/{made[1].pk}/")
    page.get_by_role("button", name="Make a link").click()
    link = page.locator("#phone-link").inner_text()
    page.goto(link[link.index("/phone/") :])
    page.get_by_role("button", name="Show the setting").click()
    expect(page.locator("#host")).to_be_visible()
    look(page, "phone-link-android")
    assert page.faults == []
