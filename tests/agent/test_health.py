"""The board says each source's state and why, never a count, and no broken source silences the others."""

from datetime import UTC, datetime

import msgspec

from agent.health import Health, SourceHealth


def test_the_worst_of_several_sessions_is_what_is_said() -> None:
    health = Health({"agent": "1"})
    health.pin(SourceHealth(name="foreground", state="working"), "one")
    health.pin(SourceHealth(name="foreground", state="unknown", reason="Wayland."), "two")
    assert health.report().sources == (SourceHealth(name="foreground", state="unknown", reason="Wayland."),)
    health.unpin("foreground", "two")
    assert health.report().sources == (SourceHealth(name="foreground", state="working"),)


def test_a_source_that_cannot_be_asked_is_failing_and_the_others_are_still_told() -> None:
    class Broken:
        name = "broken"

        def health(self) -> SourceHealth:
            raise RuntimeError("secret.example")

    health = Health({})
    health.ask(Broken().health)
    health.ask(lambda: SourceHealth(name="fine", state="working"))
    broken, fine = health.report().sources
    assert (broken.name, broken.state, fine.state) == ("broken", "failing", "working")
    assert "secret.example" not in broken.reason


def test_the_report_tells_the_spool_the_last_contact_and_the_versions_but_no_count() -> None:
    health = Health({"agent": "0.1.0"})
    health.set_spool("filling")
    health.set_version("policy", "7")
    health.set_last_contact(datetime(2026, 11, 22, 12, tzinfo=UTC))
    assert msgspec.json.decode(msgspec.json.encode(health.report())) == {
        "sources": [],
        "spool": "filling",
        "last_contact": "2026-11-22T12:00:00Z",
        "versions": {"agent": "0.1.0", "policy": "7"},
        "notices": [],
    }


def test_what_the_agent_noticed_about_itself_stands_until_it_is_taken_back() -> None:
    health = Health({})
    health.notice("slowed_cpu")
    health.notice("clock_moved")
    health.notice("clock_moved")
    assert health.report().notices == ("clock_moved", "slowed_cpu")
    health.notice("slowed_cpu", stands=False)
    assert health.report().notices == ("clock_moved",)
