"""Totals that leads sign, and which versions of a month's summary were mailed. Versions made before count as told."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def told(apps, _):
    """Mail nobody a summary of months ago."""
    apps.get_model("store", "MonthlySummary").objects.update(mailed_at=models.F("made_at"))


class Migration(migrations.Migration):
    dependencies = [("store", "0023_case_holds")]

    operations = [
        migrations.DeleteModel(name="MonthSealedTotals"),
        migrations.CreateModel(
            name="MonthSealedTotals",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("month", models.CharField(db_index=True, max_length=7)),
                ("text", models.BinaryField()),
                ("signer", models.BinaryField(max_length=64)),
                ("signature", models.BinaryField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="monthlysummary", name="mailed_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.RunPython(told, migrations.RunPython.noop),
        migrations.AddField(
            model_name="outboxmessage",
            name="summary",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="outbox",
                to="store.monthlysummary",
            ),
        ),
        migrations.AlterField(
            model_name="outboxmessage",
            name="kind",
            field=models.CharField(
                choices=[
                    ("urgent", "urgent case"),
                    ("routine", "routine case"),
                    ("digest", "digest"),
                    ("plain", "plain message"),
                    ("summary", "monthly summary"),
                ],
                max_length=7,
            ),
        ),
    ]
