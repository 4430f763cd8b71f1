"""Mutes and proposed exceptions, which leads seal and sign in the browser."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0017_grouping_key")]

    operations = [
        migrations.CreateModel(
            name="LeadDocument",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=16)),
                ("made_at", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                ("envelope", models.BinaryField()),
                ("signer", models.BinaryField(max_length=64)),
                ("signature", models.BinaryField(max_length=64)),
                ("settled_at", models.DateTimeField(null=True)),
                ("settled_as", models.CharField(blank=True, default="", max_length=16)),
                (
                    "author",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "settled_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["kind", "settled_at", "until"], name="lead_documents_in_force")]
            },
        ),
    ]
