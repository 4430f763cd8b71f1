"""Whoever publishes hears which devices can't read it, by number and name, and of nobody else."""

from __future__ import annotations

import pytest

from server.device_formats import too_old
from server.store.models import Device


@pytest.fixture
def named(db, make_named):
    return make_named


@pytest.fixture
def make_named(organisation, new_device):
    """Make a device of that name that last said this."""

    def make(name, health, status=Device.Status.ACTIVE):
        made = new_device(name)
        Device.objects.filter(pk=made.id).update(health=health, status=status)

    return make


def test_devices_that_read_what_is_published_are_not_named(custodians, named):
    named("fits", {"pack_formats": [2, 3], "policy_formats": [1]})
    named("never seen", {})
    assert too_old(custodians.publish()) == []


def test_devices_that_are_too_old_are_counted_and_named(custodians, named):
    named("old-1", {"pack_formats": [7], "policy_formats": [1]})
    named("old-2", {"pack_formats": [7], "policy_formats": [8]})
    named("says nothing of it", {"formats": [1]})
    named("gone", {"pack_formats": [7]}, Device.Status.REVOKED)
    named("fits", {"pack_formats": [3], "policy_formats": [1]})
    packs, policy = too_old(custodians.publish())
    assert (packs.what, packs.formats, packs.names) == ("packs", (3,), ("old-1", "old-2", "says nothing of it"))
    assert packs.sentence() == (
        "3 devices are too old for packs of format 3; they keep the rules they have until their agent is updated: "
        "old-1, old-2, says nothing of it"
    )
    assert policy.sentence().startswith("1 device is too old for a policy of format 1; it keeps")


def test_of_many_devices_a_few_are_named(custodians, named):
    for number in range(8):
        named(f"old-{number}", {"pack_formats": [7]})
    (found,) = too_old(custodians.publish())
    assert len(found.names) == 8
    assert found.sentence().endswith("old-4 and 3 more")


def test_before_the_first_publication_nobody_is_too_old(tmp_path, named):
    from server.publish import Publication

    named("old", {"pack_formats": [7]})
    assert too_old(Publication(tmp_path)) == []
