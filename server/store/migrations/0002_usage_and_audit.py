"""The usage table, keyed as it is asked for, and the triggers that keep the audit log as it was written."""

from django.db import migrations

USAGE = """
CREATE TABLE store_usage (
  person bigint NOT NULL, device integer NOT NULL, day integer NOT NULL, key bigint NOT NULL,
  seconds bigint NOT NULL, visits bigint NOT NULL,
  PRIMARY KEY (person, device, day, key)
)
"""

AUDIT_SQLITE = [
    f"""CREATE TRIGGER store_auditentry_no_{verb.lower()} BEFORE {verb} ON store_auditentry
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"""
    for verb in ("UPDATE", "DELETE")
]

AUDIT_POSTGRESQL = [
    """CREATE FUNCTION store_auditentry_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$""",
    """CREATE TRIGGER store_auditentry_no_change BEFORE UPDATE OR DELETE ON store_auditentry
    FOR EACH ROW EXECUTE FUNCTION store_auditentry_append_only()""",
    """CREATE TRIGGER store_auditentry_no_truncate BEFORE TRUNCATE ON store_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION store_auditentry_append_only()""",
]


def make(apps, schema_editor):
    sqlite = schema_editor.connection.vendor == "sqlite"
    schema_editor.execute(USAGE + (" WITHOUT ROWID" if sqlite else ""))
    for statement in AUDIT_SQLITE if sqlite else AUDIT_POSTGRESQL:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("store", "0001_initial")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
