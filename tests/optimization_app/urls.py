"""The app's routes alone, so that its tests hold wherever the site mounts them."""

from optimization_app.api_urls import urlpatterns

__all__ = ["urlpatterns"]
