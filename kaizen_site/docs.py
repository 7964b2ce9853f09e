"""The OpenAPI document, and the page that shows it from assets served here."""

import json
from functools import cache

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView

from kaizen_site.schema import KaizenSchemaGenerator

# A file of its own, since the content security policy runs no script inside a page.
docs_script = TemplateView.as_view(template_name="docs/swagger.js", content_type="text/javascript")
api_docs = TemplateView.as_view(template_name="docs/swagger.html")


@require_safe
def openapi_schema(request: HttpRequest) -> HttpResponse:
    return HttpResponse(openapi_document(), content_type="application/json")


@cache
def openapi_document() -> bytes:
    """Return the document, which cannot change while the process lives."""
    document = KaizenSchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return json.dumps(document).encode()
