"""The database itself refuses to change what was scored: number, hash, artifact, evidence."""

from django.db import migrations

COLUMNS = "task_id, number, hash, artifact, evidence, verdict, origin_job, dspy_state"
SQLITE = (
    f"CREATE TRIGGER promptversion_immutable BEFORE UPDATE OF {COLUMNS} "
    "ON prompts_app_promptversion "
    "BEGIN SELECT RAISE(ABORT, 'a prompt version is immutable'); END"
)
POSTGRES = [
    "CREATE FUNCTION promptversion_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'a prompt version is immutable'; END $$",
    f"CREATE TRIGGER promptversion_immutable BEFORE UPDATE OF {COLUMNS} "
    "ON prompts_app_promptversion FOR EACH ROW EXECUTE FUNCTION promptversion_refuse()",
]


def forwards(apps, schema_editor):
    statements = [SQLITE] if schema_editor.connection.vendor == "sqlite" else POSTGRES
    for statement in statements:
        schema_editor.execute(statement)


def backwards(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("DROP TRIGGER promptversion_immutable")
    else:
        schema_editor.execute("DROP TRIGGER promptversion_immutable ON prompts_app_promptversion")
        schema_editor.execute("DROP FUNCTION promptversion_refuse()")


class Migration(migrations.Migration):
    dependencies = [("prompts_app", "0001_initial")]
    operations = [migrations.RunPython(forwards, backwards)]
