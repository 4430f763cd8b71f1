"""Phones that a gateway speaks for: devices without a key of their own."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0028_board'),
    ]

    operations = [
        migrations.CreateModel(
            name='Phone',
            fields=[
                ('device', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='phone', serialize=False, to='store.device')),
                ('id_hash', models.BinaryField(max_length=32, unique=True)),
                ('supervised', models.BooleanField()),
                ('account', models.CharField(blank=True, max_length=200)),
                ('since', models.DateTimeField()),
                ('last_asked', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name='device',
            name='gateway',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='device',
            name='public_key',
            field=models.BinaryField(max_length=32, null=True, unique=True),
        ),
    ]
