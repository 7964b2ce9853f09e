"""Amounts of money as text."""

from decimal import Decimal

_CENT = Decimal("0.01")


def plain_usd(amount: Decimal) -> str:
    """Return every digit that counts and none besides, without an exponent."""
    return f"{amount.normalize():f}"


def in_cents(amount: Decimal) -> str:
    """Return whole cents, rounded up, so that the parts of a sum never seem to fit."""
    return f"${amount.quantize(_CENT, 'ROUND_UP')}"
