"""One-time links by which phones get their files."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0030_erasure")]

    operations = [
        migrations.AddField("phone", "link_hash", models.CharField(blank=True, max_length=64, null=True, unique=True)),
        migrations.AddField("phone", "link_until", models.DateTimeField(blank=True, null=True)),
    ]
