"""Is the site able to do its work? Checked by asking, not by assuming."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the database answers, else 503 with the part that does not."""
    parts = {"database": _database_answers()}
    is_well = all(parts.values())
    body = {"status": "ok" if is_well else "unavailable", "parts": parts}
    return JsonResponse(body, status=200 if is_well else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True
