"""How far the audit log was checked, and what it is searched by."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("store", "0011_outbox")]
    operations = [
        migrations.CreateModel(
            name="AuditCheck",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seq", models.BigIntegerField(default=0)),
                ("hash", models.CharField(default="0" * 64, max_length=64)),
                ("whole_at", models.DateTimeField(blank=True, null=True)),
                ("broken", models.BigIntegerField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, default="", max_length=200)),
            ],
        ),
        migrations.AddIndex("auditentry", models.Index(fields=["actor", "seq"], name="audit_actor")),
        migrations.AddIndex("auditentry", models.Index(fields=["action", "seq"], name="audit_action")),
        migrations.AddIndex("auditentry", models.Index(fields=["subject", "seq"], name="audit_subject")),
        migrations.AddIndex("auditentry", models.Index(fields=["hash"], name="audit_hash")),
        migrations.AddIndex("auditentry", models.Index(fields=["at"], name="audit_at")),
    ]
