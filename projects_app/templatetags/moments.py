"""Moments on pages: how long ago, with the exact time behind it."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

register = template.Library()


@register.simple_tag
def ago(when: datetime | None) -> str:
    """Return a time element such as “3 minutes ago”; nothing for no moment."""
    if when is None:
        return ""
    exact = when.astimezone(timezone.get_current_timezone())
    return format_html(
        '<time datetime="{}" title="{} {}">{}</time>',
        when.isoformat(timespec="seconds"),
        exact.strftime("%Y-%m-%d %H:%M:%S"),
        exact.tzname() or "",
        _in_words(when),
    )


def _in_words(when: datetime) -> str:
    if (timezone.now() - when).total_seconds() < 60:
        return _("just now")
    return _("%(span)s ago") % {"span": timesince(when, depth=1)}
