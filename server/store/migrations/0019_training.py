"""Who did which training when."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0018_lead_documents")]

    operations = [
        migrations.CreateModel(
            name="TrainingRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=200)),
                ("account", models.CharField(max_length=200)),
                ("course_key", models.CharField(max_length=200)),
                ("course", models.CharField(max_length=200)),
                ("done_on", models.DateField()),
                ("due_on", models.DateField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("key", "course_key", "done_on"), name="training_record_once")
                ]
            },
        ),
    ]
