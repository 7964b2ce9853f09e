"""Indexes by which a long trail is filtered; SQLite adds them in place, so the triggers stay."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("projects_app", "0004_confirm_over")]

    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["project", "-at", "-id"], name="audit_by_day"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["project", "action", "-id"], name="audit_by_action"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["project", "actor", "-id"], name="audit_by_actor"),
        ),
    ]
