"""Totals of use that were erased, or are left out of figures, at the request of the person whose they are."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0029_phones")]

    operations = [
        migrations.AddField("personmonth", "erased_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("subjectrequest", "erased_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("subjectrequest", "restricted_at", models.DateTimeField(blank=True, null=True)),
    ]
