"""The forms of connections: where a provider is, its secret that nobody reads again, prices."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from llm_app.models import Connection, ConnectionKind
from projects_app.exceptions import InvalidInput

KINDS = {
    ConnectionKind.DEMO: _("Demo model: word statistics, no key, no network"),
    ConnectionKind.OPENAI: _("OpenAI, or any server that speaks its wire"),
    ConnectionKind.GROQ: "Groq",
    ConnectionKind.ANTHROPIC: "Anthropic",
    ConnectionKind.GEMINI: "Gemini",
}
DIGITS = 6


def secret_field() -> forms.CharField:
    return forms.CharField(
        label=_("Secret"),
        required=False,
        strip=True,
        max_length=4096,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
        help_text=_("The provider's API key. Stored encrypted, and never shown again."),
    )


class PlaceForm(forms.Form):
    """What may change later: a new address removes the secret, or it could be collected there."""

    base_url = forms.CharField(
        label=_("Address"),
        required=False,
        max_length=500,
        widget=forms.TextInput({"autocomplete": "url"}),
        help_text=_("Left empty: the vendor's own. Another server's, such as https://host/v1."),
    )
    requests_per_minute = forms.IntegerField(
        label=_("Most requests a minute"),
        required=False,
        min_value=1,
        max_value=1_000_000,
        help_text=_("Left empty: no limit."),
    )

    def refuse(self, error: Exception) -> None:
        """Put a service's refusal beside its field."""
        found = error.errors if isinstance(error, InvalidInput) else {}
        for name, text in (found or {"": str(error)}).items():
            self.add_error(name if name in self.fields else None, text)

    @classmethod
    def of(cls, connection: Connection, data: Any = None) -> "PlaceForm":
        names = ("base_url", "requests_per_minute")
        return cls(data, initial={name: getattr(connection, name) for name in names})


class ConnectionForm(PlaceForm):
    slug = forms.SlugField(
        label=_("Short name"),
        max_length=40,
        widget=forms.TextInput({"autocomplete": "off"}),
        help_text=_("Models are written with it: short name / model."),
    )
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[(kind.value, words) for kind, words in KINDS.items()]
    )
    secret = secret_field()
    field_order = ("slug", "kind", "base_url", "secret", "requests_per_minute")


class SecretForm(forms.Form):
    secret = secret_field()


class PriceForm(forms.Form):
    model = forms.CharField(label=_("Model"), max_length=200)
    input_usd_per_mtok = forms.DecimalField(
        label=_("Sent, US dollars per million tokens"),
        min_value=Decimal(0),
        max_digits=14,
        decimal_places=DIGITS,
    )
    output_usd_per_mtok = forms.DecimalField(
        label=_("Answered, US dollars per million tokens"),
        min_value=Decimal(0),
        max_digits=14,
        decimal_places=DIGITS,
    )
    source = forms.CharField(
        label=_("Where the figures are from"),
        required=False,
        max_length=200,
        help_text=_("Such as the address of the price list. Today's date is kept with it."),
    )
