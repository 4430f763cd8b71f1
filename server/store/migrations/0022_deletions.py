"""The log of what was deleted by age."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0021_usage_in_fewer_bytes")]

    operations = [
        migrations.CreateModel(
            name="Deletion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_index=True)),
                ("kind", models.CharField(max_length=16)),
                ("days", models.PositiveIntegerField()),
                ("before", models.DateTimeField()),
                ("count", models.PositiveIntegerField(default=0)),
            ],
            options={"constraints": [models.UniqueConstraint(fields=["at", "kind"], name="deletion_once")]},
        ),
    ]
