"""Each incident's place in the queues of those it is sealed to, so that a page of a queue is a range of an index."""

from datetime import UTC, datetime

from django.db import migrations, models
from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When


def put_in_place(apps, schema_editor):
    """Give the rows that are there the places that saving their incidents would."""
    incidents = apps.get_model("store", "Incident").objects.filter(pk=OuterRef("incident_id"))
    waiting = Q(state="open") | Q(new_since_closing=True)
    since = Case(
        When(new_since_closing=True, then=F("updated_at")),
        When(waiting | Q(closed_at__isnull=True), then=F("received_at")),
        default=F("closed_at"),
    )
    open_or_not = Case(When(waiting, then=Value(True)), default=Value(False), output_field=models.BooleanField())
    apps.get_model("store", "IncidentRecipient").objects.update(
        waiting=Subquery(incidents.annotate(place=open_or_not).values("place")[:1]),
        urgent=Subquery(incidents.values("urgent")[:1]),
        since=Subquery(incidents.annotate(place=since).values("place")[:1]),
    )


class Migration(migrations.Migration):
    dependencies = [("store", "0012_audit_check")]

    operations = [
        migrations.RemoveIndex(model_name="incident", name="incident_queue"),
        migrations.AlterField("incidentrecipient", "key_id", models.CharField(max_length=32)),
        migrations.AddField("incidentrecipient", "waiting", models.BooleanField(default=True), preserve_default=False),
        migrations.AddField("incidentrecipient", "urgent", models.BooleanField(default=True), preserve_default=False),
        *(
            migrations.AddField(
                "incidentrecipient",
                name,
                models.DateTimeField(default=datetime(2026, 11, 25, tzinfo=UTC)),
                preserve_default=False,
            )
            for name in ("since", "changed_at")
        ),
        migrations.RunPython(put_in_place, migrations.RunPython.noop),
        migrations.AddIndex(
            "incidentrecipient",
            models.Index(fields=["key_id", "-urgent", "since", "id"], condition=Q(waiting=True), name="queue_waiting"),
        ),
        migrations.AddIndex(
            "incidentrecipient",
            models.Index(fields=["key_id", "-since", "-id"], condition=Q(waiting=False), name="queue_closed"),
        ),
        migrations.AddIndex("incidentrecipient", models.Index(fields=["key_id", "changed_at"], name="queue_changed")),
    ]
