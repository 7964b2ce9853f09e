"""Git connections, the file of each task, and the proposals made to it."""

import django.db.models.deletion
import uuid_utils.compat
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects_app", "0002_audit_append_only"),
        ("prompts_app", "0003_tag_project_revision"),
        ("tasks_app", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="GitConnection",
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
                ("slug", models.SlugField(max_length=40)),
                (
                    "kind",
                    models.CharField(choices=[("local", "Local")], default="local", max_length=20),
                ),
                ("url", models.CharField(blank=True, default="", max_length=500)),
                ("token_encrypted", models.TextField(blank=True, default="", editable=False)),
                (
                    "token_last4",
                    models.CharField(blank=True, default="", editable=False, max_length=4),
                ),
                (
                    "merge_without_evidence",
                    models.CharField(
                        choices=[("hold", "Hold"), ("allow", "Allow")],
                        default="hold",
                        help_text="What a merge does that the evidence does not carry, as of an edited prompt.",
                        max_length=5,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="git_connections",
                        to="projects_app.project",
                    ),
                ),
            ],
            options={
                "ordering": ["slug"],
            },
        ),
        migrations.CreateModel(
            name="Repository",
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
                ("path", models.CharField(max_length=255)),
                ("base_branch", models.CharField(default="main", max_length=100)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="repositories",
                        to="prompts_app.gitconnection",
                    ),
                ),
                (
                    "task",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="repository",
                        to="tasks_app.task",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "repositories",
            },
        ),
        migrations.CreateModel(
            name="PullRequest",
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
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("opening", "Opening"),
                            ("open", "Open"),
                            ("awaiting_merge", "Awaiting merge"),
                            ("merged", "Merged"),
                            ("closed", "Closed"),
                            ("failed", "Failed"),
                        ],
                        default="opening",
                        max_length=15,
                    ),
                ),
                ("head", models.CharField(max_length=150)),
                ("is_draft", models.BooleanField(default=False)),
                ("title", models.CharField(max_length=200)),
                ("body", models.TextField()),
                (
                    "content",
                    models.TextField(
                        blank=True, default="", help_text="The file as it was proposed."
                    ),
                ),
                ("commit_sha", models.CharField(blank=True, default="", max_length=64)),
                ("number", models.PositiveBigIntegerField(blank=True, null=True)),
                ("url", models.CharField(blank=True, default="", max_length=500)),
                ("merge_sha", models.CharField(blank=True, default="", max_length=64)),
                ("merged_by", models.CharField(blank=True, default="", max_length=200)),
                (
                    "held",
                    models.TextField(
                        blank=True, default="", help_text="Why what was merged is not served."
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("retry_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True, default="")),
                ("polled_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "merged_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="prompts_app.promptversion",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pulls",
                        to="prompts_app.promptversion",
                    ),
                ),
                (
                    "repository",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="pulls",
                        to="prompts_app.repository",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="gitconnection",
            constraint=models.UniqueConstraint(
                fields=("project", "slug"), name="gitconnection_slug_per_project"
            ),
        ),
        migrations.AddConstraint(
            model_name="repository",
            constraint=models.UniqueConstraint(
                fields=("connection", "base_branch", "path"), name="repository_one_task_per_file"
            ),
        ),
        migrations.AddIndex(
            model_name="pullrequest",
            index=models.Index(fields=["state"], name="pullrequest_by_state"),
        ),
        migrations.AddConstraint(
            model_name="pullrequest",
            constraint=models.UniqueConstraint(
                fields=("repository", "head"), name="pullrequest_one_per_head"
            ),
        ),
    ]
