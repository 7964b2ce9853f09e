"""The schedule that sends what a lost message, a crash or a failed try has left waiting."""

from django.db import migrations

NAME = "kaizen: send notifications"
FUNCTION = "projects_app.worker.sweep_deliveries"


def add(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name=NAME, defaults={"func": FUNCTION, "schedule_type": "I", "minutes": 1}
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("projects_app", "0006_notifications"),
        ("django_q", "0018_task_success_index"),
    ]
    operations = [migrations.RunPython(add, remove)]
