"""How far a project has come with its first steps."""

from django.db import models


class FirstSteps(models.Model):
    """The checklist's state, and what the demo put into the project.

    `demo_task` and `demo_connection` are plain columns: tasks and connections stand above.
    """

    project = models.OneToOneField(
        "projects_app.Project",
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="first_steps",
    )
    hidden_at = models.DateTimeField(null=True, blank=True)
    demo_task = models.UUIDField(null=True, blank=True)
    demo_connection = models.UUIDField(null=True, blank=True)
    demo_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "first steps"

    def __str__(self) -> str:
        return str(self.project)
