"""Who acknowledged which version of which document."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0025_trips")]

    operations = [
        migrations.CreateModel(
            name="AcknowledgementRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=200)),
                ("account", models.CharField(max_length=200)),
                ("document", models.CharField(max_length=64)),
                ("version", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("statement", models.BinaryField(default=bytes)),
                ("signature", models.BinaryField(default=bytes, max_length=64)),
                (
                    "device",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="store.device"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("key", "document", "version"), name="acknowledged_once")
                ]
            },
        ),
    ]
