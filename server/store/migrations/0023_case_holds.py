"""Legal holds: which cases are kept from being deleted by age."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

PERSON = {"null": True, "on_delete": django.db.models.deletion.PROTECT, "related_name": "+"}
REASONS = [
    ("claim", "a legal claim"),
    ("authority", "police, court or another authority asked"),
    ("enquiry", "a safeguarding enquiry goes on"),
    ("complaint", "a complaint or appeal"),
    ("request", "somebody asked for their data, or to restrict its use"),
]


class Migration(migrations.Migration):
    dependencies = [("store", "0022_deletions")]

    operations = [
        migrations.CreateModel(
            name="CaseHold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.CharField(choices=REASONS, max_length=12)),
                ("review_on", models.DateField()),
                ("set_at", models.DateTimeField()),
                ("lifted_at", models.DateTimeField(null=True)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="holds", to="store.incident"
                    ),
                ),
                ("set_by", models.ForeignKey(to=settings.AUTH_USER_MODEL, **PERSON)),
                ("lifted_by", models.ForeignKey(to=settings.AUTH_USER_MODEL, **PERSON)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["incident"], condition=models.Q(lifted_at__isnull=True), name="one_hold_a_case"
                    )
                ]
            },
        ),
    ]
