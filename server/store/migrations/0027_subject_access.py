"""Requests of people for the data held about them, and what leads decided."""

import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('store', '0026_acknowledgements'),
    ]

    operations = [
        migrations.CreateModel(
            name='SubjectRequest',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('account', models.CharField(max_length=200)),
                ('key', models.CharField(max_length=200)),
                ('identity', models.CharField(choices=[('known', 'known to the officer, in person'), ('account', 'asked from their own account, and confirmed there'), ('document', 'an identity document was seen'), ('representative', 'a representative, with written authority')], max_length=16)),
                ('received_on', models.DateField()),
                ('first_due_on', models.DateField()),
                ('due_on', models.DateField()),
                ('longer', models.CharField(blank=True, choices=[('complex', 'the request is complex'), ('many', 'the person made several requests')], default='', max_length=8)),
                ('started_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(null=True)),
                ('closing', models.CharField(blank=True, choices=[('answered', 'answered'), ('withdrawn', 'withdrawn by the person'), ('refused', 'refused as manifestly unfounded or excessive')], default='', max_length=10)),
                ('started_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='SubjectDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('what', models.CharField(choices=[('release', 'give records to the person'), ('withhold', 'withhold'), ('nothing', 'nothing that this lead can open is about the person')], max_length=8)),
                ('ground', models.CharField(blank=True, choices=[('crime', 'preventing or detecting crime (Schedule 2, Part 1, paragraph 2)'), ('others', 'it would disclose somebody else’s data (Schedule 2, Part 3, paragraph 16)'), ('privilege', 'legal professional privilege (Schedule 2, Part 4, paragraph 19)'), ('harm', 'serious harm to somebody’s health (Schedule 3, Parts 2 to 4)'), ('child', 'child abuse data, against the child’s best interests (Schedule 3, paragraph 21)')], default='', max_length=10)),
                ('review_on', models.DateField(null=True)),
                ('lead', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('request', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='decisions', to='store.subjectrequest')),
            ],
        ),
        migrations.AddConstraint(
            model_name='subjectrequest',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at__isnull', True)), fields=('key',), name='one_subject_request'),
        ),
        migrations.AddIndex(
            model_name='subjectdecision',
            index=models.Index(fields=['request', 'lead', '-at'], name='subject_decision_newest'),
        ),
    ]
