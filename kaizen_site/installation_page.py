"""What an operator asks of an installation, for admins of a project."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from kaizen_site.health import worker_trouble
from kaizen_site.installation import configuration, queues, storage, versions, worker
from projects_app.pages import Visit, project_page
from projects_app.settings_pages import require_admin


@require_safe
@project_page
def installation_page(visit: Visit) -> HttpResponse:
    require_admin(visit)
    context = {
        "project": visit.project,
        "settings": configuration(),
        "queues": queues(),
        "worker": worker(),
        "trouble": worker_trouble(timezone.now()),
        "storage": storage(),
        "versions": versions(),
    }
    return render(visit.request, "settings/installation.html", context)
