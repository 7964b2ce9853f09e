"""The stock admin under the product's name, with what waits for the member on its first page."""

from typing import Any

from csp.decorators import csp_update
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse

# Two templates of the stock admin carry style attributes; scripts stay strict.
allow_style_attributes = csp_update({"style-src-attr": ["'unsafe-inline'"]})
ORDER = ("prompts_app", "optimization_app", "tasks_app", "feedback_app", "llm_app", "projects_app")


class OperatorsOnly:
    """What belongs to no project is for superusers, whatever Django's permissions say."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser) and super().has_add_permission(request)  # type: ignore[misc]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser) and super().has_change_permission(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser) and super().has_delete_permission(request, obj)  # type: ignore[misc]


class KaizenAdminSite(AdminSite):
    site_header = "Kaizen"
    site_title = "Kaizen"
    index_title = "Overview"
    site_url = None
    enable_nav_sidebar = False

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register as usual, but keep an admin that is not scoped to projects from members."""
        from projects_app.admin_scope import ProjectScopedAdmin

        wanted = admin_class or admin.ModelAdmin
        if not issubclass(wanted, ProjectScopedAdmin):
            wanted = type(wanted.__name__, (OperatorsOnly, wanted), {})
        super().register(model_or_iterable, wanted, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return allow_style_attributes(super().admin_view(view, cacheable))

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Send everybody to the one sign-in page; who is signed in already may not come in."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        return redirect_to_login(
            request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"), reverse("login")
        )

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """List what a member works with first, and who may come in last."""
        apps = super().get_app_list(request, app_label)
        return sorted(apps, key=lambda app: _place(app["app_label"]))

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        from kaizen_site.admin_home import home_page

        return super().index(request, {"home": home_page(request), **(extra_context or {})})


def _place(label: str) -> int:
    return ORDER.index(label) if label in ORDER else len(ORDER)
