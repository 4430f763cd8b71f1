"""The key of the tags by which a lead's browser groups cases; an organisation that is there already gets one now."""

from django.db import migrations, models

from server.store.models.people import make_grouping_key


class Migration(migrations.Migration):
    dependencies = [("store", "0016_sign_in")]

    operations = [
        migrations.AddField(
            model_name="organisation",
            name="grouping_key",
            field=models.BinaryField(default=make_grouping_key, max_length=32),
        ),
    ]
