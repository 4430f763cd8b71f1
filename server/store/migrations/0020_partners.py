"""The partner organisations and what they confirmed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0019_training")]

    operations = [
        migrations.CreateModel(
            name="Partner",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("lead", models.CharField(blank=True, default="", max_length=200)),
                ("contact", models.CharField(blank=True, default="", max_length=200)),
                ("agreement_on", models.DateField(null=True)),
                ("policy_on", models.DateField(null=True)),
                ("training_on", models.DateField(null=True)),
                ("due_on", models.DateField(null=True)),
                ("changed_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
    ]
