"""The schedules of the default cluster: a backstop to the loop of `manage.py work`."""

from django.db import migrations

SCHEDULES = {
    "kaizen: look for lost jobs": "optimization_app.worker.reap_jobs",
    "kaizen: look for full thresholds": "optimization_app.worker.sweep_thresholds",
}


def add(apps, schema_editor):
    schedules = apps.get_model("django_q", "Schedule")
    for name, function in SCHEDULES.items():
        schedules.objects.get_or_create(
            name=name, defaults={"func": function, "schedule_type": "I", "minutes": 1}
        )


def remove(apps, schema_editor):
    apps.get_model("django_q", "Schedule").objects.filter(name__in=SCHEDULES).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("optimization_app", "0001_initial"),
        ("django_q", "0018_task_success_index"),
    ]
    operations = [migrations.RunPython(add, remove)]
