"""Services: a name says which app was likely used, what sites build in says nothing, and packs judge them alike."""

from __future__ import annotations

import time
import tomllib

import pytest

from rules.apps import normalise_app
from rules.curated import categorised, shipped_packs
from rules.errors import AppRefused, PackError
from rules.model import NAMEABLE, Taxonomy
from rules.services import FILE, in_words, observe_services, parse, problems, service_of, service_of_package, shipped

TAXONOMY = Taxonomy.shipped()
LEAST_SERVICES = 70  # TikTok, WhatsApp, Snapchat, Discord, Roblox and at least 60 others were asked for
LEAST_PER_SECOND = 150_000  # 900,000 on an idle machine; what is asked of the gateway is far less


@pytest.fixture(scope="module")
def packs():
    """The curated packs."""
    return shipped_packs(TAXONOMY)


@pytest.fixture(scope="module")
def protected(packs):
    """Every host of a protected category."""
    return [host for pack in categorised(packs) if TAXONOMY.get(pack.category).protected for host in pack.hosts]


def test_the_well_known_are_there_and_nothing_is_wrong_with_any(protected):
    assert len(shipped()) >= LEAST_SERVICES
    for known in ("tiktok", "whatsapp", "snapchat", "discord", "roblox", "instagram", "youtube", "spotify"):
        assert known in shipped()
    assert problems(shipped(), TAXONOMY, protected) == []
    assert FILE.stat().st_size < 200_000


@pytest.mark.parametrize(
    ("host", "service", "confidence"),
    [
        ("api16-normal-c-useast1a.tiktokv.com", "tiktok", "app"),
        ("www.tiktok.com", "tiktok", "either"),
        ("e7.whatsapp.net", "whatsapp", "either"),
        ("g.whatsapp.net", "whatsapp", "app"),
        ("music.youtube.com", "youtube-music", "either"),
        ("www.youtube.com", "youtube", "either"),
        ("youtubei.googleapis.com", "youtube", "app"),
        ("atv-ps-eu.amazon.co.uk", "prime-video", "either"),
    ],
)
def test_the_longest_entry_says_whose_a_host_is(host, service, confidence):
    hit = service_of(host)
    assert (hit.service.id, hit.confidence) == (service, confidence)


@pytest.mark.parametrize(
    "host",
    ["analytics.tiktok.com", "tr.snapchat.com", "platform.twitter.com", "player.vimeo.com", "px.ads.linkedin.com"],
)
def test_what_other_sites_build_in_says_nothing(host):
    assert service_of(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        "com",
        "tiktok",
        "nottiktok.com",
        "tiktok.com.example.org",
        "d1.cloudfront.net",
        "googleapis.com",
        "fbcdn.net",
    ],
)
def test_other_names_are_no_services(host):
    assert service_of(host) is None


def test_a_burst_says_each_service_once_and_is_surest_by_the_apps_own_name():
    names = ["www.tiktok.com", "example.org", "g.whatsapp.net", "api.tiktokv.com", "www.tiktok.com", "web.whatsapp.com"]
    assert observe_services(names) == [("service:tiktok", "app"), ("service:whatsapp", "app")]
    assert observe_services([]) == []


def test_a_package_name_finds_its_service():
    assert service_of_package("android", "com.zhiliaoapp.musically").id == "tiktok"
    assert service_of_package("android", "com.Slack").id == "slack"
    assert service_of_package("android", "com.slack") is None
    assert service_of_package("ios", "net.whatsapp.whatsapp").id == "whatsapp"
    assert service_of_package("ios", "org.example.unknown") is None


def test_it_is_said_that_use_is_only_likely():
    assert in_words("service:tiktok") == "TikTok (likely app use)"
    for other in ("service:of-a-newer-version", "linux:firefox", "tiktok.com"):
        assert in_words(other) == other


def test_every_service_and_its_package_is_judged_by_the_pack_of_its_category(packs):
    for one in shipped().values():
        for identity in (one.identity, *(f"android:{package}" for package in one.android)):
            named = {pack.category for pack in packs if identity in pack.apps} - {NAMEABLE}
            assert (identity, named) == (identity, {one.category})


def test_no_pack_speaks_of_a_service_that_isnt_there(packs):
    known = {one.identity for one in shipped().values()}
    assert {app for pack in packs for app in pack.apps if app.startswith("service:")} <= known


def test_no_host_is_a_packs_entry_of_another_category(packs):
    for one in shipped().values():
        for host in (*one.app, *one.either):
            assert {pack.category for pack in categorised(packs) if host in pack.hosts} <= {one.category}


def test_an_identity_of_a_service_has_one_spelling():
    assert normalise_app("service:TikTok") == "service:tiktok"
    for wrong in ("service:", "service:a_b", "service:-a", "service:a.b"):
        with pytest.raises(AppRefused):
            normalise_app(wrong)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('name = "A"\ncategory = "games"', "no hosts"),
        ('name = "A"\ncategory = "games"\napp = ["co.uk"]', "public suffix"),
        ('name = "A"\ncategory = "games"\napp = ["A.example.org"]', "write it as a.example.org"),
        ('name = "A"\ncategory = "games"\napp = ["a..org"]', "empty label"),
        ('name = "A"\ncategory = "games"\napp = ["a.org"]\neither = ["a.org"]', "already"),
        ('name = "A"\ncategory = "game"\napp = ["a.org"]', "did you mean"),
        ('name = "A"\ncategory = "health"\napp = ["a.org"]', "protected"),
        ('name = "A"\ncategory = "games"\napp = ["chat.help.example.org"]', "protected list"),
        ('name = "A"\ncategory = "games"\napp = ["example.org"]', "protected list"),
    ],
)
def test_what_is_wrong_is_said(table, said):
    found = problems(parse(f"[a]\n{table}", "x.toml"), TAXONOMY, ["help.example.org"])
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    "text", ["[a", "a = 1", '[a]\nname = "A"', '[a]\nname = "A"\ncategory = "games"\nhost = ["a.org"]']
)
def test_a_file_of_another_form_is_refused(text):
    with pytest.raises(PackError, match=r"^x\.toml: "):
        parse(text, "x.toml")


def test_it_keeps_up_with_a_gateway():
    hosts = ["www.tiktok.com", "example.org", "www.bbc.co.uk", "a.b.c.example.net", "fonts.gstatic.com"]
    service_of("example.org")
    began = time.process_time()
    for _ in range(20_000):
        for host in hosts:
            service_of(host)
    assert 20_000 * len(hosts) / (time.process_time() - began) > LEAST_PER_SECOND


def test_tables_stand_under_their_category_and_each_key_in_its_order():
    keys = ["name", "category", "app", "either", "embedded", "android", "ios"]
    for table in tomllib.loads(FILE.read_text("utf-8")).values():
        assert list(table) == [key for key in keys if key in table]
