"""A case that became a part of another is known by its places in the queues, too."""

from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def mark_parts(apps, schema_editor):
    """Say of the rows that are there which case theirs is a part of."""
    incidents = apps.get_model("store", "Incident").objects.filter(pk=OuterRef("incident_id"))
    rows = apps.get_model("store", "IncidentRecipient").objects.filter(incident__merged_into__isnull=False)
    rows.update(part_of=Subquery(incidents.values("merged_into_id")[:1]))


class Migration(migrations.Migration):
    dependencies = [("store", "0013_queue_places")]

    operations = [
        migrations.AddField("incidentrecipient", "part_of", models.UUIDField(null=True)),
        migrations.AddIndex(
            "incidentrecipient",
            models.Index(fields=["part_of"], condition=models.Q(part_of__isnull=False), name="queue_parts"),
        ),
        migrations.RunPython(mark_parts, migrations.RunPython.noop),
    ]
