"""The forms of a project's settings: how it decides and spends, who belongs to it, its keys."""

from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from projects_app.actors import Actor
from projects_app.admin_forms import ServiceForm
from projects_app.models import Project, Role, User
from projects_app.scopes import SCOPES
from projects_app.services.projects import project_update

ROLES = {
    Role.VIEWER: _("Viewer: reads everything"),
    Role.EDITOR: _("Editor: writes prompts and data, starts jobs"),
    Role.APPROVER: _("Approver: approves and rolls back as well"),
    Role.ADMIN: _("Admin: members, keys, connections and these settings"),
}
ROLE_CHOICES = [(role.value, words) for role, words in ROLES.items()]
CENT = Decimal("0.01")
LIVES = ((30, _("30 days")), (90, _("90 days")), (180, _("half a year")), (365, _("a year")))


class ProjectForm(ServiceForm):
    class Meta:
        model = Project
        fields: ClassVar = [
            *("name", "two_person_rule", "serve_on", "daily_budget_usd", "confirm_over_usd")
        ]
        labels: ClassVar = {
            "two_person_rule": _("Two-person rule"),
            "serve_on": _("A version goes live on"),
            "daily_budget_usd": _("Daily budget, US dollars"),
            "confirm_over_usd": _("Confirm what may cost more than, US dollars"),
        }
        help_texts: ClassVar = {
            "serve_on": _(
                "Approve: as soon as it is approved here. Merge: once its pull request is."
            )
        }

    def __init__(self, actor: Actor, *args: Any, **options: Any) -> None:
        self.actor = actor
        super().__init__(*args, **options)
        for name in ("daily_budget_usd", "confirm_over_usd"):
            self.initial[name] = _in_cents(self.initial[name])

    def perform(self) -> models.Model | None:
        changes = {name: self.cleaned_data[name] for name in self.changed_data}
        if not changes:
            return None
        return project_update(actor=self.actor, project=self.instance, **changes)


def _in_cents(amount: Decimal | None) -> Decimal | None:
    """Leave out the places of a cent that are nought anyway."""
    cents = amount.quantize(CENT) if amount is not None else None
    return cents if cents == amount else amount


class MemberForm(forms.Form):
    """Names somebody who has an account: people are made by whoever runs the installation."""

    who = forms.CharField(label=_("User name or email"), max_length=254)
    role = forms.ChoiceField(label=_("Role"), choices=ROLE_CHOICES)

    def clean_who(self) -> User:
        who = self.cleaned_data["who"].strip()
        found = list(
            User.objects.filter(Q(username=who) | Q(email__iexact=who), is_active=True)[:2]
        )
        if len(found) == 1:
            return found[0]
        if found:
            raise forms.ValidationError(_("Several people have this address: give the user name."))
        raise forms.ValidationError(
            _("Nobody here is called that. Whoever runs the installation makes the account first.")
        )


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=ROLE_CHOICES)


class KeyForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What will use it, such as “support desk”.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"),
        choices=[(scope.value, f"{words} ({scope.value})") for scope, words in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick at least one thing that it may do.")},
    )
    days = forms.TypedChoiceField(label=_("It lives for"), choices=LIVES, coerce=int, initial=365)

    @property
    def expires_at(self) -> Any:
        """Return the end of its life; a year is the service's own longest."""
        days = self.cleaned_data["days"]
        return None if days == LIVES[-1][0] else timezone.now() + timedelta(days=days)
