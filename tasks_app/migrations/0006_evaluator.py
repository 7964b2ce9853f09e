from django.db import migrations, models

import tasks_app.models


def metric_to_evaluator(apps, schema_editor):
    for task in apps.get_model("tasks_app", "Task").objects.iterator():
        task.evaluator = {"kind": task.metric}
        task.save(update_fields=["evaluator"])


def evaluator_to_metric(apps, schema_editor):
    for task in apps.get_model("tasks_app", "Task").objects.iterator():
        task.metric = str(task.evaluator.get("kind", ""))[:40]
        task.save(update_fields=["metric"])


class Migration(migrations.Migration):
    dependencies = [
        ("tasks_app", "0005_bounds_of_a_call"),
    ]

    operations = [
        migrations.AddField(
            model_name="task",
            name="evaluator",
            field=models.JSONField(
                default=tasks_app.models.exact_match,
                help_text="How an answer is scored: a kind with its settings.",
            ),
        ),
        migrations.RunPython(metric_to_evaluator, evaluator_to_metric),
        migrations.RemoveField(model_name="task", name="metric"),
    ]
