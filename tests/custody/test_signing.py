"""Nothing is signed unseen, by the wrong key, or with fewer signatures than it needs."""

from __future__ import annotations

import io

import msgspec
import pytest

from custody.draft import Draft
from protocol.leadkeys import fingerprint, make
from protocol.publication import RECIPIENTS_TARGET
from protocol.rolekeys import from_pem, public_half
from server.publish import init_online_keys


@pytest.fixture
def deputy(custodians):
    path = custodians.folder / "deputy.json"
    key = make("any words")
    path.write_bytes(msgspec.json.encode(key))
    return path, key


def test_the_difference_names_who_is_new_and_the_key_to_compare(custodians, deputy, capsys):
    path, key = deputy
    assert custodians.sign("recipients", "--deputy-key", f"Sam Deputy={path}", "--never-about", "Sam Deputy=sam") == 0
    shown = capsys.readouterr().out
    assert (
        f"NEW, can open evidence from now on: Sam Deputy (deputy; all groups; never cases about sam), key "
        f"{fingerprint(key.public_key)}" in shown
    )
    assert "recipients: still needed: 1 of second" in shown
    assert custodians.sign(key="second") == 0
    shown = capsys.readouterr().out
    assert "NEW, can open evidence from now on: Sam Deputy" in shown
    assert "recipients: all signatures are there" in shown
    draft = Draft(custodians.ceremony)
    assert [one.label for one in draft.recipients(draft.in_force("recipients")).recipients][1:] == [
        "Alex",
        "Sam Deputy",
    ]


def test_the_second_signer_sees_who_goes(custodians, deputy, capsys):
    path, _ = deputy
    custodians.sign("recipients", "--deputy-key", f"Sam={path}", "--remove", "Alex")
    capsys.readouterr()
    custodians.sign(key="second")
    assert "GONE, can't open anything sealed from now on: Alex" in capsys.readouterr().out


def test_who_says_no_signs_nothing(custodians, monkeypatch, capsys):
    draft = Draft(custodians.ceremony)
    place = custodians.ceremony / "private" / "custodian.pem"
    secret = ("--passphrase-file", custodians.folder / "passphrase", "--no-window")
    where = ("--dir", custodians.ceremony, "--key", place)
    for answer in ("no\n", "y\n", "\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert custodians.custody("sign", "recipients", "--groups", "Alex=staff", *where, *secret) == 2
    assert draft.pending("recipients") is None
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert custodians.custody("sign", "recipients", "--groups", "Alex=staff", *where, *secret) == 0
    assert draft.pending("recipients") is not None


def test_signing_twice_with_one_key_is_not_two_custodians(custodians, capsys):
    custodians.sign("recipients", "--groups", "Alex=staff")
    assert custodians.sign() == 2
    assert "nothing here waits for this key" in capsys.readouterr().err
    assert Draft(custodians.ceremony).pending("recipients") is not None


def test_a_policy_shows_each_line_that_changes(custodians, capsys):
    draft = Draft(custodians.ceremony)
    old = draft.target(draft.in_force("policy").signed.targets["policy/policy.toml"]).decode()
    changed = custodians.folder / "policy.toml"
    first, rest = old.split("\n", 1)
    changed.write_text(f"{first}\n# reviewed by the board\n{rest}")
    assert custodians.sign("policy", changed) == 0
    assert "from now on: # reviewed by the board" in capsys.readouterr().out


def test_a_policy_that_cannot_be_understood_is_not_signed(custodians, capsys):
    wrong = custodians.folder / "policy.toml"
    wrong.write_text("organisation = 3\n")
    assert custodians.sign("policy", wrong) == 2
    assert "nothing was signed" in capsys.readouterr().err
    assert Draft(custodians.ceremony).pending("policy") is None


def test_a_list_without_any_lead_is_not_signed(custodians, capsys):
    assert custodians.sign("recipients", "--remove", "Alex") == 2
    assert "needs a lead's or deputy's key" in capsys.readouterr().err


def test_the_recovery_key_cannot_be_removed(custodians, capsys):
    assert custodians.sign("recipients", "--remove", "recovery key") == 2
    assert "always stays" in capsys.readouterr().err


@pytest.mark.parametrize("more", [("--groups", "Nobody=staff"), ("--lead-key", "missing.json"), ("--groups", "Alex")])
def test_what_is_not_there_is_named(custodians, more, capsys):
    assert custodians.sign("recipients", *more) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_label_cannot_paint_over_what_is_shown(custodians, deputy, capsys):
    path, _ = deputy
    custodians.sign("recipients", "--deputy-key", f"Sam\x1b[2K\r={path}")
    assert "\x1b" not in capsys.readouterr().out


def test_versions_of_files_rise_only_when_they_change(custodians):
    draft = Draft(custodians.ceremony)
    assert custodians.sign("packs", key="it") == 0
    packs = draft.in_force("packs").signed
    assert (packs.version, packs.targets["packs/curated.pack"].custom) == (2, {"version": 1})
    other = custodians.folder / "curated.pack"
    other.write_bytes((custodians.folder / "rules" / "nameable.pack").read_bytes())
    assert custodians.sign("packs", other, key="it") == 0
    packs = draft.in_force("packs").signed
    assert (packs.version, packs.targets["packs/curated.pack"].custom) == (3, {"version": 3})


def test_what_is_no_pack_is_not_signed(custodians, capsys):
    for data in (b"other", (custodians.folder / "rules" / "nameable.pack").read_bytes()[:-1] + b"x"):
        wrong = custodians.folder / "curated.pack"
        wrong.write_bytes(data)
        assert custodians.sign("packs", wrong, key="it") == 2
        assert capsys.readouterr().err.count("nothing was signed") == 1
    assert Draft(custodians.ceremony).in_force("packs").signed.version == 1


def test_a_list_carries_the_version_of_its_metadata(custodians):
    draft = Draft(custodians.ceremony)
    custodians.sign("recipients")
    custodians.sign(key="second")
    piece = draft.in_force("recipients")
    assert draft.recipients(piece).version == piece.signed.version == 3
    assert RECIPIENTS_TARGET in piece.signed.targets


def test_an_edited_list_in_the_folder_is_noticed_before_signing(custodians, capsys):
    (path,) = (custodians.ceremony / "publication" / "targets" / "recipients").iterdir()
    path.write_bytes(path.read_bytes().replace(b"Alex", b"Alec"))
    assert custodians.sign("recipients", "--groups", "Alex=staff") == 2
    assert "not the one that was signed" in capsys.readouterr().err


def test_a_wrong_passphrase_is_one_clear_line(custodians, capsys):
    (custodians.folder / "passphrase").write_text("quite another set of words")
    assert custodians.sign("recipients") == 2
    assert "passphrase is not its own" in capsys.readouterr().err


@pytest.mark.parametrize("signer", ["second", "it"])
def test_what_no_device_would_take_is_not_signed_whoever_prepared_it(custodians, capsys, signer):
    draft = Draft(custodians.ceremony)
    piece = draft.targets()
    key = from_pem((custodians.folder / f"{signer}.pem").read_bytes(), "quiet lamp river seven ocean bread")
    given = piece.signed.delegations
    given.roles["recipients"].keyids = [public_half(key, "").key_id]
    given.keys[public_half(key, "").key_id] = public_half(key, "me").key()
    given.roles["recipients"].threshold = 1
    piece.signed.version = 2
    piece.signatures.clear()
    draft.put("targets", piece)
    assert custodians.sign() == 2
    assert "delegation of recipients is to other keys or fewer signatures" in capsys.readouterr().err
    assert not draft.targets().signatures


def test_a_prepared_list_that_hides_a_pilot_is_not_signed_by_the_second(custodians, capsys):
    draft = Draft(custodians.ceremony)
    custodians.sign("recipients", "--groups", "Alex=staff")
    piece = draft.pending("recipients")
    listed = msgspec.structs.replace(draft.recipients(piece), pilot=True)
    piece.signed.targets[RECIPIENTS_TARGET] = draft.put_target(RECIPIENTS_TARGET, msgspec.json.encode(listed), 3)
    draft.put("recipients", piece)
    assert custodians.sign(key="second") == 2
    assert "hides or invents" in capsys.readouterr().err


def test_renewing_with_new_online_keys_says_which_are_new_and_gone(custodians, tmp_path, capsys):
    init_online_keys(tmp_path)
    assert custodians.sign("renew", "--online-keys", tmp_path / "keys" / "online-keys.json") == 0
    shown = capsys.readouterr().out
    assert "NEW the collector's timestamp key" in shown
    assert "GONE the collector's timestamp key" in shown
    assert "NEW custodian" not in shown
