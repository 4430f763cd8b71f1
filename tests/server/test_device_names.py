"""A device is found by its name or id, a phone apart from a laptop, and never one of several by chance."""

from __future__ import annotations

import pytest

from server.device_names import find
from server.errors import SetUpError
from server.store.models import Device


def test_a_device_is_found_by_its_name_and_by_its_id_and_is_no_phone(database, device):
    known = Device.objects.get()
    assert find(known.name, phone=False) == find(str(known.pk), phone=False) == known
    for name in (known.name, str(known.pk)):
        with pytest.raises(SetUpError, match="no phone is called"):
            find(name, phone=True)


def test_of_several_with_one_name_none_is_taken(database, device, other_device):
    Device.objects.update(name="laptop")
    with pytest.raises(SetUpError, match="several are called 'laptop': give the id"):
        find("laptop", phone=False)
