"""What opened evidence looks like: a service is called as people know it, and words of a device stay words."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db

SHOW = """async ({ name, services }) => {
  const { evidenceView } = await import("/web/caseview.js");
  const at = "2026-11-20T12:00:00Z";
  const seen = [{ name, count: 1, first: at, last: at }];
  const matched = [{ entry: name, category: "social_networking", lists: ["one"] }];
  const evidence = { source: "doh", kind: "app", count: 1, seen, matched, policy_line: "line", policy_version: 1 };
  const categories = { social_networking: "Social media and chat" };
  const host = document.createElement("div");
  host.append(...evidenceView(evidence, { revision: 0 }, { categories, services }));
  return { words: host.textContent, elements: host.querySelectorAll("img, script").length };
}"""


@pytest.mark.parametrize(
    ("name", "shown"),
    [("service:tiktok", "TikTok"), ("service:gone", "service:gone"), ("<img src=x>", "<img src=x>")],
)
def test_a_service_is_called_as_people_know_it(modules, name, shown):
    told = modules(SHOW, {"name": name, "services": {"service:tiktok": "TikTok"}})
    assert told["words"].count(shown) == 2
    assert ("service:tiktok" in told["words"]) == (name == shown == "service:tiktok")
    assert told["elements"] == 0
