"""The export goes by the table of retention: every kind and every table of the database is in it, or says why not."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.apps import apps

from server.retention_kinds import KEPT, KINDS
from server.store import models
from server.subject_kinds import CASES, KEPT_PARTS, PARTS, RELEASED

NO_DATA_OF_PEOPLE = {
    "contenttypes.ContentType",
    "auth.Permission",
    "auth.Group",
    "sites.Site",
    # signing in by other ways than the accounts' own, which this collector keeps nothing in
    "account.EmailAddress",
    "account.EmailConfirmation",
    "socialaccount.SocialApp",
    "socialaccount.SocialToken",
}


def test_every_kind_that_is_kept_says_how_it_enters_an_export_or_why_not():
    assert set(PARTS) == {kind.id for kind in KINDS}
    assert set(KEPT_PARTS) == {kept.name for kept in KEPT}
    for name, part in (PARTS | KEPT_PARTS).items():
        assert part.purpose, name
        assert part.source, name
        assert part.seen_by, name
        assert (part.rows is None) == bool(part.without), name


def test_every_table_of_the_database_belongs_to_a_kind():
    named = {model for part in (PARTS | KEPT_PARTS).values() for model in part.tables}
    missing = {model._meta.label for model in apps.get_models() if model not in named}
    assert missing <= NO_DATA_OF_PEOPLE
    assert {getattr(models, name) for name in models.__all__ if name != "Role"} <= named
    assert {Authenticator, SocialAccount} <= named


def test_neither_sentence_on_cases_says_whether_there_is_one():
    assert "neither confirms nor denies" in CASES
    assert "neither confirms nor denies that there are more" in " ".join(RELEASED.split())
