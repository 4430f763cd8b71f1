"""Devices that are lost, and cases of what was seen on them then."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0031_phone_links")]

    operations = [
        migrations.AddField("device", "lost_since", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("incident", "lost", models.BooleanField(default=False)),
    ]
