"""Which rules are in force, who signed them, and what earlier policies said, read from what custodians signed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rules import policy as policy_module
from rules.compiler import compile_curated
from rules.curated import shipped_packs
from rules.model import Taxonomy
from server.errors import SetUpError
from server.publish import Publication
from server.rules_in_force import in_force

SHIPPED = Path(policy_module.__file__).with_name("policy.toml").read_text("utf-8")

BEGUN = datetime.now(UTC).replace(microsecond=0)  # read before any test signs


def sign_policy(organisation, text: str, keys=("custodian", "second")) -> None:
    """Sign another policy with the lists of the first."""
    rules = organisation.folder / "rules"
    (rules / "policy.toml").write_text(text)
    lists = [rules / name for name in ("policy.toml", "categories.toml", "protected.pack", "nameable.pack")]
    assert organisation.sign("policy", *lists, key=keys[0]) == 0
    for key in keys[1:]:
        assert organisation.sign(key=key) == 0


def test_before_the_first_policy_no_rules_are_in_force(tmp_path, custodians):
    assert in_force(tmp_path) is None
    assert in_force(custodians.collector) is None


def test_the_parts_say_who_must_sign_who_did_and_until_when(custodians):
    now = datetime.now(UTC)
    custodians.publish(now)
    found = in_force(custodians.collector)
    assert found.policy.group_names == ("staff", "learners", "partners")
    assert not found.pilot
    policy, packs, recipients, _ = found.parts
    assert (policy.needed, len(policy.may_sign), policy.by_it) == (2, 2, False)
    assert policy.signed_by == policy.may_sign == recipients.signed_by
    assert "second" in policy.may_sign
    assert (packs.needed, packs.may_sign, packs.signed_by, packs.by_it) == (1, ("it",), ("it",), True)
    assert BEGUN <= policy.signed_at <= now
    assert timedelta(days=390) < policy.expires - now < timedelta(days=400)


def test_a_pilot_says_so(pilot):
    pilot.publish()
    found = in_force(pilot.collector)
    assert found.pilot
    assert found.parts[0].needed == 1


def test_packs_are_told_with_their_size_and_state_but_no_list_of_a_sensitive_category(custodians):
    custodians.publish()
    found = in_force(custodians.collector)
    (curated,) = found.packs
    assert (curated.id, curated.acts, curated.most_entries) == ("curated", True, 2000)
    assert 1000 < curated.entries <= 2000
    assert {"Gambling", "Games", "Suicide"} <= set(curated.categories)
    assert "games" in curated.lists
    assert not {"gambling", "suicide", "pornography"} & set(curated.lists)
    assert found.protected_entries > 100
    assert found.nameable_entries > 100


def test_a_pack_that_the_policy_does_not_name_or_that_has_grown_is_on_trial(custodians):
    custodians.publish()
    sign_policy(custodians, SHIPPED.replace("curated = 2000", "curated = 10"))
    custodians.publish()
    assert [(pack.acts, pack.most_entries) for pack in in_force(custodians.collector).packs] == [(False, 10)]
    sign_policy(custodians, SHIPPED.replace("curated = 2000", ""))
    custodians.publish()
    assert [(pack.acts, pack.most_entries) for pack in in_force(custodians.collector).packs] == [(False, None)]


def test_each_published_policy_is_told_with_what_it_changed_newest_first(custodians):
    custodians.publish()
    sign_policy(custodians, SHIPPED.replace('gambling = "flag"', 'gambling = "total"'))
    custodians.publish()
    sign_policy(custodians, SHIPPED.replace('gambling = "flag"', 'gambling = "total"') + "# signed again\n")
    custodians.publish()
    again, changed, first = in_force(custodians.collector).history
    assert [one.version for one in (again, changed, first)] == [4, 3, 2]
    assert again.changes == ()
    assert [(one.about, one.after) for one in changed.changes] == [("Gambling", "counted")]
    assert (first.first, changed.first) == (True, False)
    assert all("second" in one.signed_by for one in (again, changed, first))


def test_a_changed_protected_list_is_told_by_its_size_and_by_no_entry(custodians):
    custodians.publish()
    before = in_force(custodians.collector).protected_entries
    taxonomy = Taxonomy.shipped()
    fewer = [pack for pack in shipped_packs(taxonomy) if pack.id != "union"]
    rules = custodians.folder / "rules"
    compile_curated(rules, (rules / "categories.toml").read_bytes(), taxonomy, fewer)
    sign_policy(custodians, SHIPPED)
    custodians.publish()
    found = in_force(custodians.collector)
    (change,) = found.history[0].changes
    assert found.protected_entries < before
    assert change.about == "The protected list"
    assert (change.before, change.after) == (f"{before:,} entries", f"{found.protected_entries:,} entries")


def test_an_earlier_protected_list_that_can_not_be_read_any_more_hides_no_history(custodians):
    custodians.publish()
    places = custodians.collector / "rules" / "targets" / "policy"
    (before,) = places.glob("*.protected.pack")
    taxonomy = Taxonomy.shipped()
    fewer = [pack for pack in shipped_packs(taxonomy) if pack.id != "union"]
    rules = custodians.folder / "rules"
    compile_curated(rules, (rules / "categories.toml").read_bytes(), taxonomy, fewer)
    sign_policy(custodians, SHIPPED)
    custodians.publish()
    before.unlink()
    found = in_force(custodians.collector)
    (change,) = found.history[0].changes
    assert (change.before, change.after) == ("an older form", f"{found.protected_entries:,} entries")


def test_an_earlier_policy_that_can_not_be_read_any_more_still_stands_in_the_history(custodians):
    custodians.publish()
    sign_policy(custodians, SHIPPED.replace("curated = 2000", "curated = 3000"))
    custodians.publish()
    for path in (custodians.collector / "rules" / "targets" / "policy").glob("*.policy.toml"):
        if "curated = 2000" in path.read_text():
            path.unlink()
    newest, first = in_force(custodians.collector).history
    assert (newest.changes, first.changes) == (None, None)
    assert first.version == 2


def test_a_policy_that_was_changed_by_hand_is_never_shown_as_in_force(custodians):
    custodians.publish()
    (path,) = (custodians.collector / "rules" / "targets" / "policy").glob("*.policy.toml")
    path.write_text(path.read_text().replace('gambling = "flag"', 'gambling = "ignore"'))
    with pytest.raises(SetUpError, match="changed by hand"):
        in_force(custodians.collector)


def test_what_is_newly_published_is_shown_at_once_and_what_is_only_refreshed_stays(custodians):
    custodians.publish()
    first = in_force(custodians.collector)
    assert in_force(custodians.collector) is first
    sign_policy(custodians, SHIPPED.replace('gambling = "flag"', 'gambling = "total"'))
    custodians.publish()
    assert in_force(custodians.collector).version == 3
    Publication(custodians.collector).refresh(datetime.now(UTC))
    assert in_force(custodians.collector).version == 3
