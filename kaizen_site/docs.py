"""The OpenAPI document, and the page that shows it from assets served here."""

from csp.decorators import csp_update
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView

openapi_schema = SpectacularJSONAPIView.as_view()

# Swagger UI writes style attributes; scripts stay strict even here.
api_docs = csp_update({"style-src": ["'unsafe-inline'"], "img-src": ["data:"]})(
    SpectacularSwaggerSplitView.as_view(url_name="openapi")
)
