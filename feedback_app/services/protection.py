"""Protected examples: what a person says that no new version may break."""

from collections.abc import Iterable

from django.db import transaction

from feedback_app.models import Example
from kaizen_engine.states import Split
from projects_app.actors import Actor
from projects_app.exceptions import InvalidInput, NotHere
from projects_app.models import Role, Scope
from projects_app.services.audit import audit_record


@transaction.atomic
def examples_protect(*, actor: Actor, examples: Iterable[Example], is_protected: bool) -> int:
    """Protect the examples, or end that; return how many changed.

    A protected row was looked at by a person, so it never becomes hold-out; one that is there
    already cannot be protected.
    """
    actor.require(role=Role.EDITOR, scope=Scope.DATASET_WRITE)
    rows = list(examples)
    for row in rows:
        if row.task.project_id != actor.project_id:
            raise NotHere("there is no such example for this actor")
    if is_protected and any(row.split == Split.TEST for row in rows):
        message = "a row of the hold-out proves nothing any more once somebody has chosen it"
        raise InvalidInput(message)
    changed = [row for row in rows if row.is_protected != is_protected]
    chosen = Example.objects.filter(pk__in=[row.pk for row in changed])
    # A job may deal splits at this very moment: what became hold-out stays unprotected.
    chosen.exclude(split=Split.TEST.value).update(is_protected=is_protected, is_seen=True)
    word = "protected" if is_protected else "released"
    for row in changed:
        audit_record(actor=actor, action=f"kaizen.example.{word}", subject=row)
    return len(changed)
