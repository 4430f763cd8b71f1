"""A partner's lead beside the organisation's: each makes a key, custodians sign both, and each sees what is theirs."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.journey.office import (
    CHROMIUM,
    FLAGS,
    Office,
    custodians_sign,
    enrol,
    free_port,
    make_key,
    report,
    signed_in,
    unlock_desk,
)

THEIRS, OURS = ("zita.northgate", "www.partner-5c1d.example"), ("quill.ravensworth", "www.canary-7f3a.example")
OTHER_ROOMS = ("/devices/", "/accounts/", "/people/", "/lists/", "/audit/")
pytestmark = [
    pytest.mark.more,
    pytest.mark.skipif(CHROMIUM is None, reason="the desk needs a Chromium browser, and this system offers none"),
    pytest.mark.timeout(150),
]


@dataclass
class Two(Office):
    """An organisation with a partner, and what both leads saw."""

    queues: dict[str, str] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)
    partner_case: str = ""
    case_of_ours: tuple[int, str] = (0, "")
    data_of_ours: int = 0
    rooms: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def two(tmp_path_factory, playwright_driver):
    """Both leads' morning, lived once."""
    port = free_port()
    office = Two(tmp_path_factory.mktemp("partner"), f"http://localhost:{port}")
    office.begin()
    office.add("lead", "lead")
    office.add("north", "lead", "--groups", "partners")
    with office.running(port):
        browser = playwright_driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        _live(office, browser)
        browser.close()
    return office


def _live(office, browser):
    pages, words, errors = {}, {}, {}
    for name in ("lead", "north"):
        pages[name], errors[name] = signed_in(office, browser, name)
        words[name], _ = make_key(office, pages[name], office.folder / f"{name}.json")
    keys = [f"{label}={office.folder / file}" for label, file in (("The lead", "lead.json"), ("North", "north.json"))]
    custodians_sign(office, "--lead-key", keys[0], "--lead-key", keys[1], "--groups", "North=partners")
    report(office, enrol(office, "partners", "laptop-n1"), "partners", *THEIRS)
    report(office, enrol(office, "learners", "laptop-7"), "learners", *OURS)
    for name, page in pages.items():
        unlock_desk(office, page, words[name])
        office.queues[name] = page.inner_text("#queue")
        office.figures[name] = page.inner_text('[data-figure="open"]')
    ours = pages["lead"].locator("#queue tbody tr", has_text="learners").locator("a").get_attribute("href")
    _opens(office, pages["north"])
    office.errors = [*errors["lead"], *errors["north"]]
    _tries_others_doors(office, pages["north"], ours)


def _opens(office, page):
    page.click("#queue tbody a")
    page.wait_for_selector("#open:enabled")
    page.click("#open")
    page.wait_for_selector("#opened:not([hidden])")
    office.partner_case = page.inner_text("main")


def _tries_others_doors(office, page, ours):
    answer = page.goto(office.url + ours)
    office.case_of_ours = (answer.status, page.inner_text("body"))
    timeline = ours.replace("/desk/", "/desk/data/") + "timeline"
    office.data_of_ours = page.request.get(office.url + timeline).status
    for room in OTHER_ROOMS:
        office.rooms[room] = page.goto(office.url + room).status


def test_the_partner_s_lead_sees_the_partner_s_case_alone_in_list_and_figure(two):
    assert THEIRS[0] in two.queues["north"]
    assert OURS[0] not in two.queues["north"]
    assert two.queues["north"].count("FW-") == 1
    assert two.figures["north"].strip() == "1"


def test_the_organisation_s_lead_sees_both(two):
    for person, _ in (THEIRS, OURS):
        assert person in two.queues["lead"]
    assert two.figures["lead"].strip() == "2"


def test_the_partner_s_lead_opens_the_evidence_of_their_own_case(two):
    for word in (*THEIRS, "Self-harm", "signature holds"):
        assert word in two.partner_case


def test_by_its_address_the_other_case_is_not_there_for_them(two):
    status, text = two.case_of_ours
    assert status == 404
    assert two.data_of_ours == 404
    for word in (*OURS, "laptop-7"):
        assert word not in text


def test_the_rooms_of_others_stay_shut(two):
    assert two.rooms == dict.fromkeys(OTHER_ROOMS, 403)


def test_no_page_reported_an_error_of_its_own(two):
    assert two.errors == []
