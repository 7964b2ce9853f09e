"""The schedule that opens, follows and merges pull requests where a queue message was lost."""

from django.db import migrations

NAME = "kaizen: follow pull requests"
FUNCTION = "prompts_app.worker.tend_pulls"


def add(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.get_or_create(
        name=NAME, defaults={"func": FUNCTION, "schedule_type": "I", "minutes": 1}
    )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("prompts_app", "0004_git_pull_requests"),
        ("django_q", "0018_task_success_index"),
    ]
    operations = [migrations.RunPython(add, remove)]
