"""Leads' keys can be unlocked by passkeys of their devices."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0009_rewraps")]
    operations = [
        migrations.CreateModel(
            name="UnlockPasskey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("credential", models.BinaryField(max_length=1023)),
                ("label", models.CharField(max_length=200)),
                ("salt", models.BinaryField(max_length=32)),
                ("wrapped", models.JSONField()),
                ("made_at", models.DateTimeField()),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "lead_key",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="passkeys", to="store.leadkey"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("lead_key", "credential"), name="passkey_once")],
            },
        ),
    ]
