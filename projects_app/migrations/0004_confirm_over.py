"""From which estimate on a person is asked. A default of the database is added in place by SQLite,
so that the triggers of the audit trail stay."""

from decimal import Decimal

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects_app", "0003_daily_budget"),
    ]

    operations = [
        migrations.AddField(
            model_name="project",
            name="confirm_over_usd",
            field=models.DecimalField(
                blank=True,
                db_default=Decimal("5"),
                decimal_places=4,
                help_text="A job that may cost more starts only once a person has said yes to its "
                "estimate. Left empty: never asked.",
                max_digits=10,
                null=True,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="confirm jobs above, in US dollars",
            ),
        ),
    ]
