"""The site's addresses, and a view that does nothing: what the framework alone takes."""

from django.urls import path

from bench.pages import empty_view
from kaizen_site.urls import handler400, handler403, handler404, handler500
from kaizen_site.urls import urlpatterns as of_the_site

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [path("bench/empty/", empty_view), *of_the_site]
