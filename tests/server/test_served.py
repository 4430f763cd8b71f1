"""Published files are served whole, and nothing else in the data folder is."""

from __future__ import annotations

import pytest
from django.conf import settings


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A published folder beside a secret."""
    monkeypatch.setattr(settings, "RULES_DIR", tmp_path / "rules")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "django").write_text("secret")
    for folder in ("metadata", "targets/packs"):
        (tmp_path / "rules" / folder).mkdir(parents=True)
    (tmp_path / "rules" / "metadata" / "1.root.json").write_text('{"root": 1}')
    (tmp_path / "rules" / "targets" / "packs" / f"{'a' * 64}.curated.pack").write_bytes(bytes(700_000))
    (tmp_path / "rules" / "metadata" / "link.json").symlink_to(tmp_path / "keys" / "django")
    return tmp_path


def test_metadata_and_targets_are_served(published, call):
    reply = call("GET", "/publication/metadata/1.root.json")
    assert (reply.status, reply.headers["Content-Type"], reply.json) == (200, "application/json", {"root": 1})
    pack = call("GET", f"/publication/targets/packs/{'a' * 64}.curated.pack")
    assert (pack.status, len(pack.body), pack.headers["Content-Length"]) == (200, 700_000, "700000")


def test_a_file_that_has_not_changed_is_not_sent_again(published, call):
    tag = call("GET", "/publication/metadata/1.root.json").headers["ETag"]
    reply = call("GET", "/publication/metadata/1.root.json", headers={"If-None-Match": tag})
    assert (reply.status, reply.body) == (304, b"")


def test_head_has_the_length_and_no_body(published, call):
    reply = call("HEAD", "/publication/metadata/1.root.json")
    assert (reply.status, reply.headers["Content-Length"], reply.body) == (200, "11", b"")


@pytest.mark.parametrize(
    "path",
    [
        "metadata/../../keys/django",
        "../keys/django",
        "targets/../../../keys/django",
        "metadata/..",
        "metadata/.hidden",
        "metadata/",
        "metadata",
        "",
        "/etc/passwd",
        "metadata//etc/passwd",
        "metadata/%2e%2e/keys",
        "metadata/link.json",
        "metadata/1.root.json\0",
        "metadata/2.root.json",
        "targets/packs",
        "metadata/" + "a" * 5000,
        "metadata/é.json",
    ],
)
def test_nothing_else_is_served(published, call, path):
    reply = call("GET", f"/publication/{path}")
    assert (reply.status, reply.code) == (404, "not_found")


def test_nothing_can_be_put_there(published, call):
    assert call("PUT", "/publication/metadata/1.root.json", b"{}").status == 405
