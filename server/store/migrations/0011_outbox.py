"""Who is told and how, what waits to be told, and which urgent cases nobody has taken yet."""

import datetime
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0010_passkeys'),
    ]

    operations = [
        migrations.CreateModel(
            name='MailCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('checked_at', models.DateTimeField()),
                ('fault', models.CharField(blank=True, default='', max_length=32)),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='NotifySettings',
            fields=[
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='notify_settings', serialize=False, to=settings.AUTH_USER_MODEL)),
                ('email', models.EmailField(blank=True, default='', max_length=254)),
                ('routine', models.CharField(choices=[('soon', 'Soon after they come in'), ('digest', 'Only in my digest')], default='soon', max_length=6)),
                ('hours_only', models.BooleanField(default=True)),
                ('days', models.CharField(default='12345', max_length=7)),
                ('hours_from', models.TimeField(default=datetime.time(8, 30))),
                ('hours_to', models.TimeField(default=datetime.time(17, 0))),
                ('digest', models.CharField(choices=[('none', 'Never'), ('daily', 'Every working day'), ('weekly', 'On the first working day of the week')], default='daily', max_length=6)),
                ('digest_at', models.TimeField(default=datetime.time(8, 30))),
                ('digested_on', models.DateField(blank=True, null=True)),
                ('email_fault', models.CharField(blank=True, default='', max_length=32)),
            ],
        ),
        migrations.CreateModel(
            name='Absence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first_day', models.DateField()),
                ('last_day', models.DateField()),
                ('entered_at', models.DateTimeField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='absences', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Escalation',
            fields=[
                ('incident', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='escalation', serialize=False, to='store.incident')),
                ('round', models.PositiveIntegerField(default=0)),
                ('step', models.PositiveIntegerField(default=0)),
                ('began_at', models.DateTimeField()),
                ('next_at', models.DateTimeField()),
                ('opened_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['next_at'], name='escalation_due')],
            },
        ),
        migrations.CreateModel(
            name='NotifyChannel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('label', models.CharField(max_length=40)),
                ('url', models.TextField()),
                ('urgent_only', models.BooleanField(default=True)),
                ('added_at', models.DateTimeField()),
                ('failing_since', models.DateTimeField(blank=True, null=True)),
                ('fault', models.CharField(blank=True, default='', max_length=32)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notify_channels', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='OutboxMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('urgent', 'urgent case'), ('routine', 'routine case'), ('digest', 'digest'), ('plain', 'plain message')], max_length=7)),
                ('once_key', models.CharField(max_length=200, unique=True)),
                ('contact', models.CharField(blank=True, default='', max_length=100)),
                ('step', models.PositiveIntegerField(default=0)),
                ('subject', models.CharField(blank=True, default='', max_length=200)),
                ('body', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('claim', models.CharField(blank=True, db_index=True, default='', max_length=32)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('delivered_to', models.JSONField(default=list)),
                ('fault', models.CharField(blank=True, default='', max_length=32)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('given_up_at', models.DateTimeField(blank=True, null=True)),
                ('incident', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='outbox', to='store.incident')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='outbox', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('given_up_at__isnull', True), ('sent_at__isnull', True)), fields=['due_at'], name='outbox_waiting'), models.Index(fields=['user', 'incident'], name='outbox_of_case')],
            },
        ),
    ]
