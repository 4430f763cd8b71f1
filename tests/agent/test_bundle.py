"""The rules in force are one piece that nobody changes."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest


def test_a_bundle_is_never_changed_in_part(bundle, office):
    with pytest.raises(FrozenInstanceError):
        bundle.recipients = office.listed("lead")


def test_without_a_recovery_key_there_is_nobody_to_seal_every_case_to(bundle, office):
    assert bundle.can_seal
    assert replace(bundle, recipients=office.listed("lead", "deputy", "partner_lead")).can_seal
    assert not replace(bundle, recipients=office.listed("recovery")).can_seal
