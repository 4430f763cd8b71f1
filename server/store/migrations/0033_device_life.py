"""Devices that were handed on, set up anew or retired, and until when late records of those are taken."""

from django.db import migrations, models
from django.db.models.deletion import SET_NULL


class Migration(migrations.Migration):
    dependencies = [("store", "0032_lost")]

    operations = [
        migrations.AddField("device", "handed_on_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("device", "closed_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("device", "late_until", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "device",
            "successor",
            models.OneToOneField(
                blank=True, null=True, on_delete=SET_NULL, related_name="predecessor", to="store.device"
            ),
        ),
    ]
