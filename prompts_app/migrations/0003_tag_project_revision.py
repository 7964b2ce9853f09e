"""Each tag remembers the project revision of its last move, so that clients can ask for changes.

The two AlterFields only touch validation: on SQLite a real one would drop the version's trigger.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("prompts_app", "0002_version_immutable")]
    operations = [
        migrations.AddField(
            model_name="tag",
            name="project_revision",
            field=models.PositiveBigIntegerField(
                default=0, help_text="The project's revision that this tag's last move made."
            ),
        ),
        migrations.AlterField(
            model_name="promptversion",
            name="evidence",
            field=models.JSONField(
                blank=True, default=dict, help_text="Frozen when the version was made."
            ),
        ),
        migrations.AlterField(
            model_name="gateresult",
            name="figure",
            field=models.JSONField(blank=True, default=dict),
        ),
    ]
