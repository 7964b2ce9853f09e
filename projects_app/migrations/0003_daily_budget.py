"""A cap on what a project spends in a day. Without a default SQLite adds it in place: the
triggers of the audit trail stay."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects_app", "0002_audit_append_only"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="daily_budget_usd",
            field=models.DecimalField(
                blank=True,
                decimal_places=4,
                help_text="No job starts that could pass it on its day in UTC. Left empty: no limit.",
                max_digits=10,
                null=True,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="daily budget in US dollars",
            ),
        ),
    ]
