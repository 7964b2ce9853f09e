import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("llm_app", "0003_more_vendors")]

    operations = [
        migrations.CreateModel(
            name="CachedAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("request_hash", models.CharField(max_length=64)),
                ("sample", models.PositiveSmallIntegerField(default=0)),
                ("response", models.JSONField()),
                ("cost_usd", models.DecimalField(decimal_places=9, max_digits=16)),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cached_answers",
                        to="llm_app.connection",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("connection", "request_hash", "sample"),
                        name="cachedanswer_paid_once",
                    )
                ],
            },
        ),
    ]
