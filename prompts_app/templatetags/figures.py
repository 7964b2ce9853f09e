"""Figures on pages of prompts: shares of 1 in percent, and gains in points."""

from django import template

register = template.Library()


@register.filter
def percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


@register.filter
def points(share: float) -> str:
    """Return a difference of shares in points of a hundred, with its sign."""
    return f"{share * 100:+.1f}".replace("-", "−")
