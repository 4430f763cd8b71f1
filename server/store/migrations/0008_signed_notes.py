"""Leads' keys sign as well as open, and notes are signed by their authors."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0007_cases")]
    operations = [
        migrations.AlterField("leadkey", "public_key", models.BinaryField(max_length=64)),
        # No note was ever kept without a signature outside of development: an empty one is shown as not to be trusted.
        migrations.AddField("note", "signer", models.BinaryField(default=b"", max_length=64), preserve_default=False),
        migrations.AddField(
            "note", "signature", models.BinaryField(default=b"", max_length=64), preserve_default=False
        ),
    ]
