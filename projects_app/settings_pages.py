"""The settings of a project: its rules and budgets, and its members."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from projects_app.exceptions import ServiceError
from projects_app.lists import Shown, show
from projects_app.models import Membership, Project, Role
from projects_app.pages import Visit, project_page
from projects_app.services.projects import member_remove, member_set
from projects_app.settings_forms import ROLE_CHOICES, MemberForm, ProjectForm, RoleForm


def require_admin(visit: Visit) -> None:
    if not visit.allows(Role.ADMIN):
        raise PermissionDenied(_("This needs the admin role in the project."))


@require_http_methods(["GET", "HEAD", "POST"])
@project_page
def project_settings_page(visit: Visit) -> HttpResponse:
    """Everybody reads, admins write."""
    project = Project.objects.get(pk=visit.project.pk)
    if visit.request.method != "POST":
        return _show_project(visit, ProjectForm(visit.actor, instance=project))
    require_admin(visit)
    form = ProjectForm(visit.actor, visit.request.POST, instance=project)
    if not form.is_valid():
        return _show_project(visit, form, status=400)
    messages.success(visit.request, _("The settings are saved."))
    return redirect("settings:page", project=visit.project.slug)


def _show_project(visit: Visit, form: ProjectForm, *, status: int = 200) -> HttpResponse:
    may_write = visit.allows(Role.ADMIN)
    if not may_write:
        for field in form.fields.values():
            field.disabled = True
    context = {"project": visit.project, "form": form, "may_write": may_write}
    return render(visit.request, "settings/project.html", context, status=status)


@require_safe
@project_page
def member_list_page(visit: Visit) -> HttpResponse:
    return _show_members(visit, MemberForm())


@require_POST
@project_page
def member_add_page(visit: Visit) -> HttpResponse:
    require_admin(visit)
    form = MemberForm(visit.request.POST)
    if not form.is_valid():
        return _show_members(visit, form, status=400)
    user, role = form.cleaned_data["who"], form.cleaned_data["role"]
    try:
        member_set(actor=visit.actor, project=visit.project, user=user, role=role)
    except ServiceError as error:
        form.add_error(None, str(error))
        return _show_members(visit, form, status=409)
    said = _("%(who)s is in the project as %(role)s.")
    messages.success(visit.request, said % {"who": user.username, "role": role})
    return _to_members(visit)


@require_POST
@project_page
def member_role_page(visit: Visit, member_id: int) -> HttpResponse:
    require_admin(visit)
    member, form = _member(visit, member_id), RoleForm(visit.request.POST)
    if not form.is_valid():
        messages.error(visit.request, " ".join(map(str, form.errors["role"])))
        return _to_members(visit)
    role = form.cleaned_data["role"]
    try:
        member_set(actor=visit.actor, project=visit.project, user=member.user, role=role)
    except ServiceError as error:
        messages.error(visit.request, _("Nothing was changed: %(why)s.") % {"why": error})
    else:
        said = _("%(who)s is %(role)s from now on.")
        messages.success(visit.request, said % {"who": member.user.username, "role": role})
    return _to_members(visit)


@require_POST
@project_page
def member_remove_page(visit: Visit, member_id: int) -> HttpResponse:
    require_admin(visit)
    member = _member(visit, member_id)
    try:
        member_remove(actor=visit.actor, project=visit.project, user=member.user)
    except ServiceError as error:
        messages.error(visit.request, _("Nobody was removed: %(why)s.") % {"why": error})
    else:
        said = _("%(who)s is not in the project any more.")
        messages.success(visit.request, said % {"who": member.user.username})
    return _to_members(visit)


def _show_members(visit: Visit, form: MemberForm, *, status: int = 200) -> HttpResponse:
    members = Membership.objects.filter(project=visit.project).select_related("user")
    wanted = visit.request.GET.get("q", "").strip()
    if wanted:
        members = members.filter(user__username__icontains=wanted)
    page: Shown[Membership] = show(
        members.order_by("user__username"), visit.request.GET.get("page")
    )
    context = {
        "project": visit.project,
        "form": form,
        "page": page,
        "wanted": wanted,
        "roles": ROLE_CHOICES,
        "may_write": visit.allows(Role.ADMIN),
    }
    return render(visit.request, "settings/members.html", context, status=status)


def _member(visit: Visit, member_id: int) -> Membership:
    members = Membership.objects.select_related("user")
    found = members.filter(project=visit.project, pk=member_id).first()
    if found is None:
        raise Http404
    return found


def _to_members(visit: Visit) -> HttpResponse:
    return redirect("settings:members", project=visit.project.slug)
