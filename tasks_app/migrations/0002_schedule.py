"""A schedule of its own for each task."""

from django.db import migrations, models

import tasks_app.cron


class Migration(migrations.Migration):
    dependencies = [
        ("llm_app", "0003_more_vendors"),
        ("projects_app", "0002_audit_append_only"),
        ("tasks_app", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="task",
            name="cron",
            field=models.CharField(
                blank=True,
                default="",
                help_text="When a job starts besides, as cron in UTC; empty: never.",
                max_length=100,
                validators=[tasks_app.cron.check_cron],
            ),
        ),
        migrations.AddField(
            model_name="task",
            name="next_run_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name="task",
            index=models.Index(
                condition=models.Q(("next_run_at__isnull", False)),
                fields=["next_run_at"],
                name="task_scheduled",
            ),
        ),
    ]
