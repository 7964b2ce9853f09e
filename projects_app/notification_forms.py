"""What an admin types about channels, and how the log is filtered."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from kaizen_engine.states import DeliveryState
from projects_app.exceptions import Conflict, InvalidInput
from projects_app.models import Channel, ChannelKind, Event, Project
from projects_app.notification_log import DeliveryFilter, channels_shown
from projects_app.notification_words import EVENT_WORDS, MEANINGS
from projects_app.services.channels import SUBSCRIBABLE

KINDS = {
    ChannelKind.EMAIL: _("Email"),
    ChannelKind.WEBHOOK: _("Signed webhook"),
    ChannelKind.CHAT: _("Chat service"),
}
STATES = {
    DeliveryState.WAITING: _("Waiting"),
    DeliveryState.DELIVERED: _("Delivered"),
    DeliveryState.FAILED: _("Failed"),
}


class EventsForm(forms.Form):
    name = forms.CharField(max_length=80, label=_("Name"))
    events = forms.MultipleChoiceField(
        label=_("Tell it when"),
        choices=[(event.value, MEANINGS[event]) for event in SUBSCRIBABLE],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one event.")},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    def refuse(self, error: InvalidInput | Conflict) -> None:
        """Put what the service said next to the field that it is about."""
        fields = error.errors if isinstance(error, InvalidInput) else {}
        for name, text in (fields or {"": str(error)}).items():
            self.add_error(name if name in self.fields else None, text)


class ChannelForm(EventsForm):
    kind = forms.ChoiceField(
        label=_("Kind"), choices=[(kind.value, word) for kind, word in KINDS.items()]
    )
    address = forms.CharField(
        max_length=500,
        label=_("Address"),
        help_text=_(
            "An email address, an https:// address of yours, or the webhook address that the chat "
            "service gave you."
        ),
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("name", "kind", "address", "events")


class ChangeForm(EventsForm):
    is_active = forms.BooleanField(required=False, label=_("Switched on"))
    field_order = ("name", "is_active", "events")


class LogForm(forms.Form):
    channel = forms.ChoiceField(required=False, label=_("Channel"))
    event = forms.ChoiceField(
        required=False,
        label=_("Event"),
        choices=[("", _("any")), *((event.value, EVENT_WORDS[event]) for event in Event)],
    )
    state = forms.ChoiceField(
        required=False,
        label=_("State"),
        choices=[("", _("any")), *((state.value, word) for state, word in STATES.items())],
    )

    def __init__(self, project: Project, data: Any) -> None:
        super().__init__(data)
        known: list[Channel] = list(channels_shown(project))
        choices = [("", _("any")), *((str(one.public_id), one.name) for one in known)]
        self.fields["channel"].choices = choices  # type: ignore[attr-defined]

    @property
    def wanted(self) -> DeliveryFilter:
        """Return the filter; what is not valid counts as not given."""
        self.is_valid()
        words = {name: self.cleaned_data.get(name, "") for name in ("channel", "event", "state")}
        return DeliveryFilter(**words)
