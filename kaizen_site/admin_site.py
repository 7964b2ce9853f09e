"""The stock admin under the product's name."""

from collections.abc import Callable
from typing import Any

from csp.decorators import csp_update
from django.contrib.admin import AdminSite

# Two templates of the stock admin carry style attributes; scripts stay strict.
allow_style_attributes = csp_update({"style-src-attr": ["'unsafe-inline'"]})


class KaizenAdminSite(AdminSite):
    site_header = "Kaizen"
    site_title = "Kaizen"
    index_title = "Overview"
    site_url = None

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Any:
        return allow_style_attributes(super().admin_view(view, cacheable))
