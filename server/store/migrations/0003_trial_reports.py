"""The sealed counts of lists on trial."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0002_usage_and_audit")]

    operations = [
        migrations.CreateModel(
            name="TrialReport",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("record", models.UUIDField()),
                ("day", models.DateField()),
                ("sealed_to", models.TextField()),
                ("header", models.BinaryField()),
                ("envelope", models.BinaryField()),
                ("signature", models.BinaryField()),
                ("received_at", models.DateTimeField(db_index=True)),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="trial_reports", to="store.device"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("device", "record"), name="trial_report_once")],
            },
        ),
    ]
