"""Signing in and out for every member, whether or not they may enter the admin."""

from django.contrib.auth.views import LoginView, PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


class SignIn(LoginView):
    template_name = "shell/sign_in.html"
    redirect_authenticated_user = True


class NewPassword(SuccessMessageMixin, PasswordChangeView):  # type: ignore[type-arg]
    template_name = "shell/password.html"
    success_url = reverse_lazy("home")
    success_message = _("Your password is changed.")
