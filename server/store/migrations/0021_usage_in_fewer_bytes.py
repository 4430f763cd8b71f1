"""Totals in half the room on PostgreSQL: its eight-byte numbers made a year of a thousand people over 1.5 GB.

SQLite stores a number in as many bytes as it needs, whatever its column's type.
"""

from django.db import migrations

COLUMNS = ("person", "key", "seconds", "visits")


def narrow(apps, schema_editor):
    _change(schema_editor, "integer")


def widen(apps, schema_editor):
    _change(schema_editor, "bigint")


def _change(schema_editor, kind):
    if schema_editor.connection.vendor == "postgresql":
        changes = ", ".join(f"ALTER COLUMN {column} TYPE {kind}" for column in COLUMNS)
        schema_editor.execute(f"ALTER TABLE store_usage {changes}")


class Migration(migrations.Migration):
    dependencies = [("store", "0020_partners")]
    operations = [migrations.RunPython(narrow, widen)]
