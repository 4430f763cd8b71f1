"""What is known of each fetched list."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0003_trial_reports")]
    operations = [
        migrations.CreateModel(
            name="ListState",
            fields=[
                ("list_id", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("settings", models.CharField(blank=True, default="", max_length=64)),
                ("busy_until", models.DateTimeField(blank=True, null=True)),
                ("checked_at", models.DateTimeField(blank=True, null=True)),
                ("fetched_at", models.DateTimeField(blank=True, null=True)),
                ("changed_at", models.DateTimeField(blank=True, null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("problem", models.CharField(blank=True, default="", max_length=300)),
                ("etag", models.CharField(blank=True, default="", max_length=200)),
                ("last_modified", models.CharField(blank=True, default="", max_length=200)),
                ("checked_by", models.CharField(blank=True, default="", max_length=10)),
                ("base", models.CharField(blank=True, default="", max_length=16)),
                ("offer", models.CharField(blank=True, default="", max_length=16)),
                ("held", models.CharField(blank=True, default="", max_length=16)),
                ("held_why", models.CharField(blank=True, default="", max_length=300)),
                ("offered", models.JSONField(blank=True, null=True)),
                ("held_back", models.JSONField(blank=True, null=True)),
            ],
        ),
    ]
