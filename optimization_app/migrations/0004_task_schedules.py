"""The backstop that looks for tasks whose own schedule is due."""

from django.db import migrations

NAME = "kaizen: look for due tasks"
FUNCTION = "optimization_app.worker.sweep_schedules"


def add(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name=NAME, defaults={"func": FUNCTION, "schedule_type": "I", "minutes": 1}
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("optimization_app", "0003_keep_best"),
        ("tasks_app", "0002_schedule"),
        ("django_q", "0018_task_success_index"),
    ]
    operations = [migrations.RunPython(add, remove)]
