"""What people record for the yearly review."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0027_subject_access")]

    operations = [
        migrations.CreateModel(
            name="BoardRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("senior_leader", "senior leader"),
                            ("governor", "governor or board member"),
                            ("assessment", "data protection impact assessment"),
                            ("next_review", "next review"),
                            ("point", "open decision"),
                            ("settled", "what was decided of a point"),
                            ("decision", "decision of the board"),
                        ],
                        max_length=16,
                    ),
                ),
                ("text", models.TextField(blank=True, default="")),
                ("on", models.DateField(null=True)),
                ("people", models.TextField(blank=True, default="")),
                ("until", models.CharField(blank=True, default="", max_length=7)),
                ("at", models.DateTimeField()),
                ("over_at", models.DateTimeField(null=True)),
                (
                    "about",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="settled",
                        to="store.boardrecord",
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("about",), name="board_point_settled_once")],
            },
        ),
    ]
