from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks_app", "0007_locked_text_and_notes")]

    operations = [
        migrations.AddField(
            model_name="task",
            name="reasoning",
            field=models.BooleanField(
                blank=True,
                help_text="Whether a new version thinks before it answers; empty: as today's does.",
                null=True,
            ),
        ),
    ]
