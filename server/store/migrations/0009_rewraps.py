"""Cases can be opened to leads who came later."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0008_signed_notes")]
    operations = [
        migrations.AddField("incidentrecipient", "handed_over", models.BooleanField(default=False)),
        migrations.CreateModel(
            name="Rewrap",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("purpose", models.CharField(max_length=16)),
                ("record", models.UUIDField()),
                ("key_id", models.CharField(max_length=32)),
                ("envelope_sha256", models.BinaryField(max_length=32)),
                ("recipient", models.BinaryField(max_length=64)),
                ("wrap", models.BinaryField(max_length=80)),
                ("signer", models.BinaryField(max_length=64)),
                ("signature", models.BinaryField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rewraps", to="store.incident"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["key_id", "purpose", "incident"], name="rewraps_of_a_reader")],
                "constraints": [
                    models.UniqueConstraint(fields=("incident", "purpose", "record", "key_id"), name="rewrap_once")
                ],
            },
        ),
    ]
