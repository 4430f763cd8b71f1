"""The harmless tests of the whole way, and which device of a group makes them."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0024_month_totals")]

    operations = [
        migrations.CreateModel(
            name="TripDevice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("group", models.CharField(max_length=64, unique=True)),
                ("chosen_at", models.DateTimeField()),
                ("device", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="store.device")),
            ],
        ),
        migrations.CreateModel(
            name="Trip",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ("group", models.CharField(max_length=64)),
                (
                    "by",
                    models.CharField(
                        choices=[("service", "the agent by itself"), ("visit", "a visit by hand")], max_length=8
                    ),
                ),
                ("weekly", models.BooleanField()),
                ("asked_at", models.DateTimeField()),
                ("fetched_at", models.DateTimeField(null=True)),
                ("failed_at", models.DateTimeField(null=True)),
                ("received_at", models.DateTimeField(null=True)),
                ("record", models.UUIDField(null=True)),
                ("source", models.CharField(blank=True, default="", max_length=64)),
                ("seen_at", models.DateTimeField(null=True)),
                ("sealed_to", models.TextField(blank=True, default="")),
                ("header", models.BinaryField(default=b"")),
                ("envelope", models.BinaryField(default=b"")),
                ("signature", models.BinaryField(default=b"")),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="trips", to="store.device"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["group", "-asked_at"], name="trip_newest"),
                    models.Index(
                        condition=models.Q(("failed_at__isnull", True), ("received_at__isnull", True)),
                        fields=["device"],
                        name="trip_waiting",
                    ),
                ]
            },
        ),
    ]
