"""The backstop that works out insights of jobs whose worker was lost right after them."""

from django.db import migrations

NAME = "kaizen: look for jobs without insights"
FUNCTION = "optimization_app.worker.sweep_insights"


def add(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name=NAME, defaults={"func": FUNCTION, "schedule_type": "I", "minutes": 1}
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("optimization_app", "0007_insights"),
        ("django_q", "0018_task_success_index"),
    ]
    operations = [migrations.RunPython(add, remove)]
