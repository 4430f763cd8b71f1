"""Who uses the devices, and which groups an account is for."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0005_coverage")]
    operations = [
        migrations.AddField("user", "groups", models.JSONField(blank=True, default=list)),
        migrations.CreateModel(
            name="Person",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account", models.CharField(max_length=200)),
                ("key", models.CharField(max_length=200, unique=True)),
                ("name", models.CharField(max_length=200)),
                ("group", models.CharField(blank=True, default="", max_length=100)),
                ("partner", models.CharField(blank=True, default="", max_length=200)),
                ("leaves_on", models.DateField(blank=True, null=True)),
                ("changed_at", models.DateTimeField()),
                ("gone_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
    ]
