"""The stock admin under the product's name."""

from django.contrib.admin import AdminSite


class KaizenAdminSite(AdminSite):
    site_header = "Kaizen"
    site_title = "Kaizen"
    index_title = "Overview"
    site_url = None
