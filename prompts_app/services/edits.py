"""An edit by a person: a child of the version it began with, measured before it may go live."""

from django.db import transaction

from kaizen_engine.prompts.artifact import PromptArtifact
from projects_app.actors import Actor
from projects_app.exceptions import Conflict
from projects_app.models import Role, Scope
from prompts_app.models import PromptVersion
from prompts_app.services.versions import version_create


@transaction.atomic
def version_edit(
    *, actor: Actor, version: PromptVersion, system: str, user_template: str, reason: str = ""
) -> tuple[PromptVersion, bool]:
    """Return the version with the edited texts, and whether it is new; its author is the actor.

    Raises InvalidArtifact, or Conflict `unchanged` where the text is the version's own.
    """
    actor.require(role=Role.EDITOR, scope=Scope.PROMPT_WRITE, project_id=version.task.project_id)
    artifact = PromptArtifact.from_dict(version.artifact).with_(
        system=_kept(system, version.artifact["system"]),
        user_template=_kept(user_template, version.artifact["user_template"]),
    )
    if artifact.hash == version.hash:
        raise Conflict(f"the text is that of {version}: change something first", code="unchanged")
    return version_create(
        actor=actor,
        task=version.task,
        artifact=artifact,
        parents=[version],
        change_reason=reason or f"Edited from version {version.number}.",
    )


def _kept(typed: str, before: str) -> str:
    """Undo what forms do to the ends of lines; a text that is only that different is unchanged."""
    plain = typed.replace("\r\n", "\n")
    return before if plain == before.replace("\r\n", "\n") else plain
