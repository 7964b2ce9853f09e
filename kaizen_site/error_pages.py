"""Failures that no view answers: a problem document below /api/, a small page elsewhere."""

import sys

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt

from kaizen_site.errors import UNFORESEEN, plain_problem

WORDS = {
    400: ("invalid", "The request could not be read."),
    403: ("not_allowed", "You may not see or do this."),
    404: ("not_found", "There is nothing at this address."),
    500: ("internal_error", UNFORESEEN),
    503: ("database_unavailable", "The database does not answer."),
}
REMEDIES = {
    403: "Ask an admin of the project for a role that may, or sign in as somebody else.",
    404: "It may have been removed, or you are no member of its project.",
    503: "Start it again, or mend DATABASE_URL in .env; /health says when it is back.",
}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 400)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what no view foresaw; of a database that is away, say so and what to do."""
    is_away = isinstance(sys.exception(), OperationalError)
    return _answer(request, 503 if is_away else 500)


@csrf_exempt
def unknown_api(request: HttpRequest) -> HttpResponse:
    """Catch what no route of the API takes, so that it is a problem document in debug mode too."""
    return _answer(request, 404)


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    code, sentence = WORDS[status]
    if request.path.startswith("/api/"):
        return plain_problem(request, status, code, sentence)
    # Without the request: its context processors may be what failed.
    request_id = getattr(request, "request_id", "")
    context = {
        "status": status,
        "sentence": sentence,
        "remedy": REMEDIES.get(status, ""),
        "request_id": request_id,
        "static_url": settings.STATIC_URL,
    }
    return HttpResponse(render_to_string("errors/page.html", context), status=status)
