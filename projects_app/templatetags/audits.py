"""The trail's codes in words; the codes themselves stand in exports and beside the words."""

from django import template
from django.apps import apps

register = template.Library()


@register.filter
def audit_action(code: str) -> str:
    """Say `kaizen.prompt.tag_moved` as `Prompt: tag moved`."""
    thing, _, done = code.removeprefix("kaizen.").partition(".")
    words = [part.replace("_", " ") for part in (thing, done.replace(".", " ")) if part]
    return ": ".join(words).capitalize()


@register.filter
def audit_object(name: str) -> str:
    """Return what people call a kind of row, by the name of its model."""
    found = (one for one in apps.get_models() if one._meta.model_name == name)
    model = next(found, None)
    return str(model._meta.verbose_name) if model else name
