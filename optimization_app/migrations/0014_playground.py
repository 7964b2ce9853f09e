"""What people try out in the playground, and what was answered."""

from decimal import Decimal

import django.db.models.deletion
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("optimization_app", "0013_trial_cost"),
        ("tasks_app", "0008_reasoning"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PlaygroundRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, unique=True),
                ),
                ("started_by_label", models.CharField(max_length=200)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("finished", "Finished"),
                            ("failed", "Failed"),
                        ],
                        default="queued",
                        max_length=10,
                    ),
                ),
                ("variants", models.JSONField()),
                ("rows", models.JSONField()),
                ("source", models.CharField(blank=True, default="", max_length=220)),
                ("is_scored", models.BooleanField(default=True)),
                (
                    "budget_usd",
                    models.DecimalField(decimal_places=9, default=Decimal("0"), max_digits=16),
                ),
                ("error", models.TextField(blank=True, default="")),
                ("claimed_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "task",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="playground_runs",
                        to="tasks_app.task",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="PlaygroundAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("variant", models.PositiveSmallIntegerField()),
                ("row", models.PositiveSmallIntegerField()),
                ("text", models.TextField(blank=True, default="")),
                ("parse_error", models.TextField(blank=True, default="")),
                ("score", models.FloatField(null=True)),
                ("parts", models.JSONField(default=dict)),
                ("reasons", models.JSONField(default=dict)),
                ("input_tokens", models.PositiveIntegerField(default=0)),
                ("output_tokens", models.PositiveIntegerField(default=0)),
                (
                    "cost_usd",
                    models.DecimalField(decimal_places=9, default=Decimal("0"), max_digits=16),
                ),
                ("latency_ms", models.PositiveIntegerField(null=True)),
                ("problem", models.CharField(blank=True, default="", max_length=400)),
                (
                    "raw_problem",
                    models.TextField(blank=True, default="", help_text="What the provider said."),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answers",
                        to="optimization_app.playgroundrun",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="playgroundrun",
            index=models.Index(fields=["task", "-id"], name="playground_latest"),
        ),
        migrations.AddIndex(
            model_name="playgroundrun",
            index=models.Index(
                condition=models.Q(("state__in", ("queued", "running"))),
                fields=["task"],
                name="playground_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="playgroundanswer",
            constraint=models.UniqueConstraint(
                fields=("run", "variant", "row"), name="playgroundanswer_once_per_row"
            ),
        ),
    ]
