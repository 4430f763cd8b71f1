"""What is missing before real use is read from the database and the signed metadata; the rest a person ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from protocol import backup_sealing, leadkeys
from protocol.messages import encode
from server import audit, certificates, doctor, go_live, heads, mail_check, schedule
from server.backup_settings import BackupSettings
from server.config import Audit, Config
from server.errors import NotAllowed, NotThere
from server.store.models import AuditEntry, Device, Trip
from tests.server.issuing import Authority

NOW = datetime.now(UTC)


def standing(data_dir, point):
    return next(one for one in go_live.standings(data_dir) if one.point.id == point)


def test_on_a_fresh_collector_everything_is_open_and_says_what_to_do(database, organisation, data_dir):
    for one in go_live.standings(data_dir):
        assert not one.done, one.point.id
        assert one.point.to_do.endswith(".")
        assert one.since is None


def test_a_pilot_is_not_two_custodians_and_one_lead_not_two(database, organisation, pilot):
    pilot.publish()
    assert not standing(pilot.collector, "custodians").done
    assert not standing(pilot.collector, "leads").done


def test_two_custodians_and_two_leads_on_the_signed_list_are_done_with_their_date(database, organisation, custodians):
    custodians.publish()
    audit.write("command", "published", "root=1", now=NOW)
    found = standing(custodians.collector, "custodians")
    assert (found.done, found.since) == (True, NOW)
    assert not standing(custodians.collector, "leads").done
    (custodians.folder / "deputy.json").write_bytes(encode(leadkeys.make("words of the deputy")))
    custodians.sign("recipients", "--deputy-key", f"Priya={custodians.folder / 'deputy.json'}")
    custodians.sign(key="second")
    custodians.publish()
    assert standing(custodians.collector, "leads").done


def test_a_mail_server_that_takes_ours_is_done_when_it_was_asked(database, organisation, data_dir, by_mail):
    assert not standing(data_dir, "mail").done
    mail_check.check(NOW)
    assert (standing(data_dir, "mail").done, standing(data_dir, "mail").since) == (True, NOW)


def test_a_device_that_reported_and_a_test_that_arrived_are_done_and_samples_are_not(database, device, data_dir):
    row = Device.objects.get()
    Device.objects.filter(pk=row.pk).update(sample=True, last_seen=NOW)
    trip = Trip.objects.create(group="staff", device=row, by="service", weekly=False, asked_at=NOW, received_at=NOW)
    assert not standing(data_dir, "device").done
    assert not standing(data_dir, "test").done
    Device.objects.filter(pk=row.pk).update(sample=False)
    assert standing(data_dir, "device").since == row.enrolled_at
    assert standing(data_dir, "test").since == NOW
    Trip.objects.filter(pk=trip.pk).update(received_at=None)
    assert not standing(data_dir, "test").done


def test_backups_are_done_when_they_are_sealed_and_fresh_and_were_rehearsed(database, organisation, data_dir, settings):
    audit.write("command", "backup_made", "backup", now=datetime.now(UTC))
    assert not standing(data_dir, "backup").done, "nothing is made by itself"
    settings.CONFIG = Config(backup=BackupSettings(backup_sealing.to_text(bytes(32))))
    assert standing(data_dir, "backup").done
    assert not standing(data_dir, "rehearsed").done
    audit.write("command", "backup_rehearsed", "of some day", now=NOW)
    assert standing(data_dir, "rehearsed").since == NOW
    audit.write("command", "backup_failed", "OSError")
    assert not standing(data_dir, "backup").done


def test_a_certificate_is_done_when_an_authority_vouches_for_it(database, organisation, tmp_path, settings):
    settings.CONFIG = Config(url="https://fairwatch.example")
    (tmp_path / "keys").mkdir()
    files = tmp_path / "keys/tls.key", tmp_path / "keys/tls.crt"
    certificates.make(*files, ["fairwatch.example"], NOW)
    assert not standing(tmp_path, "tls").done, "browsers warn of the collector's own"
    issued = Authority(tmp_path / "authority").issue("fairwatch.example")
    for path, data in zip(files, (issued.key, issued.certificate), strict=True):
        path.write_bytes(data.read_bytes())
    assert standing(tmp_path, "tls").done


def test_the_log_s_head_is_done_when_it_went_out_to_everybody_named(database, organisation, data_dir, settings):
    settings.CONFIG = Config(audit=Audit(("mailto:chair@example.org", "mailto:board@example.org")))
    assert not standing(data_dir, "head").done
    first, second = heads.timed_jobs(settings.CONFIG.audit.head_to)
    schedule.run_due((first,), NOW)
    assert not standing(data_dir, "head").done, "the second got none yet"
    schedule.run_due((second,), NOW)
    assert (standing(data_dir, "head").done, standing(data_dir, "head").since) == (True, NOW)


@pytest.mark.parametrize("point", ["shares", "impact", "told"])
def test_a_tick_says_who_and_when_is_a_line_each_time_and_can_be_taken_back(database, people, data_dir, point):
    go_live.tick(people.dpo, point, NOW, done=True)
    go_live.tick(people.it, point, NOW + timedelta(hours=1), done=True)
    found = standing(data_dir, point)
    assert (found.done, found.since, found.by) == (True, NOW, people.dpo)
    go_live.tick(people.it, point, NOW + timedelta(hours=2), done=False)
    assert not standing(data_dir, point).done
    lines = AuditEntry.objects.filter(subject=f"go-live:{point}").order_by("seq").values_list("action", flat=True)
    assert list(lines) == ["go_live_ticked", "go_live_unticked"], "saying it twice is one line"


@pytest.mark.parametrize("point", ["mail", "tls", "nothing", ""])
def test_what_the_collector_sees_for_itself_nobody_ticks(database, people, point):
    with pytest.raises(NotThere):
        go_live.tick(people.it, point, NOW, done=True)
    assert not AuditEntry.objects.exists()


def test_leads_and_managers_tick_nothing(database, people):
    for user in (people.lead, people.manager):
        with pytest.raises(NotAllowed):
            go_live.tick(user, "told", NOW, done=True)


def test_the_doctor_names_the_page_while_points_are_open(database, organisation, data_dir):
    found = next(one for one in doctor.examine(data_dir) if one.check == "going live")
    assert found.ok
    assert f"{len(go_live.POINTS)} still open" in found.sentence
    assert "/go-live/" in found.sentence
