"""Two versions of 8,000 words each, for the page that compares them."""

import random
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks_app.models import Task

WORDS = 8_000
CHANGED = 0.08


def long_text(seed: int) -> str:
    """Return one paragraph, as optimizers write them; two seeds differ in a word of twelve."""
    names = [f"word{number}" for number in range(900)]
    steady, change = random.Random(0), random.Random(seed)
    chosen = [steady.choice(names) for _ in range(WORDS)]
    return " ".join(change.choice(names) if change.random() < CHANGED else word for word in chosen)


def compare_of_long_prompts(task: "Task") -> str:
    """Return the address of the page; the versions are made once a database."""
    from django.urls import reverse

    from kaizen_engine.prompts.artifact import PromptArtifact
    from projects_app.actors import Actor
    from prompts_app.services.versions import version_create

    known = PromptArtifact.from_dict(task.versions.order_by("number")[0].artifact)
    actor = Actor.system(task.project_id)
    numbers = [
        version_create(actor=actor, task=task, artifact=replace(known, system=long_text(seed)))[
            0
        ].number
        for seed in (1, 2)
    ]
    return reverse("prompts:compare", args=[task.project.slug, task.slug, *numbers])
