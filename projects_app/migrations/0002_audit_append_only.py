"""The database itself refuses to change or delete an audit entry."""

from django.db import migrations

SQLITE = [
    f"CREATE TRIGGER auditentry_no_{verb.lower()} BEFORE {verb} ON projects_app_auditentry "
    "BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END"
    for verb in ("UPDATE", "DELETE")
]
POSTGRES = [
    "CREATE FUNCTION auditentry_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'audit entries are append-only'; END $$",
    "CREATE TRIGGER auditentry_no_change BEFORE UPDATE OR DELETE ON projects_app_auditentry "
    "FOR EACH ROW EXECUTE FUNCTION auditentry_refuse()",
]


def forwards(apps, schema_editor):
    statements = SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRES
    for statement in statements:
        schema_editor.execute(statement)


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for verb in ("update", "delete"):
            schema_editor.execute(f"DROP TRIGGER auditentry_no_{verb}")
    else:
        schema_editor.execute("DROP TRIGGER auditentry_no_change ON projects_app_auditentry")
        schema_editor.execute("DROP FUNCTION auditentry_refuse()")


class Migration(migrations.Migration):
    dependencies = [("projects_app", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]
