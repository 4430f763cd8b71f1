"""What was noticed of laptops, and which of them IT expects to be silent."""

from django.db import migrations, models
from django.db.models.deletion import CASCADE


class Migration(migrations.Migration):
    dependencies = [("store", "0033_device_life")]

    operations = [
        migrations.AddField("device", "muted_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("device", "muted_until", models.DateField(blank=True, null=True)),
        migrations.CreateModel(
            "DeviceSign",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=24)),
                ("about", models.CharField(blank=True, default="", max_length=64)),
                ("since", models.DateTimeField()),
                ("last", models.DateTimeField()),
                ("until", models.DateTimeField(blank=True, null=True)),
                ("device", models.ForeignKey(on_delete=CASCADE, related_name="signs", to="store.device")),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(until__isnull=True), fields=["kind", "-since"], name="open_signs")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(until__isnull=True), fields=("device", "kind", "about"), name="one_open_sign"
                    )
                ],
            },
        ),
    ]
