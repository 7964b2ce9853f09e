"""The least a Django site can be: one empty view, no middleware, no database."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

BODY = b'{"status":"ok"}'

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"], ROOT_URLCONF=__name__, SECRET_KEY="bare", MIDDLEWARE=[]
)


def empty(request: HttpRequest, slug: str = "") -> HttpResponse:
    headers = {"Content-Length": str(len(BODY))}
    return HttpResponse(BODY, content_type="application/json", headers=headers)


urlpatterns: list[URLPattern] = [path("health", empty), path("empty/<str:slug>", empty)]
application = get_wsgi_application()
