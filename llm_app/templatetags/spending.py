"""Money on pages."""

from decimal import Decimal

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

register = template.Library()

PURPOSES = {
    "optimize": _("Optimization"),
    "evaluate": _("Evaluation"),
    "playground": _("Playground run"),
}


@register.filter
def usd(amount: Decimal) -> str:
    """Spell US dollars: cents from ten cents on, two significant digits below."""
    if not amount or amount >= Decimal("0.1"):
        return f"${amount:,.2f}"
    return f"${amount:.2g}" if amount >= Decimal("0.0001") else f"${amount:.9f}".rstrip("0")


@register.filter
def purpose(word: str) -> str | Promise:
    """Say what was paid for."""
    return PURPOSES.get(word, word)
