from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class KaizenSiteConfig(AppConfig):
    name = "kaizen_site"


class KaizenAdminConfig(AdminConfig):
    default_site = "kaizen_site.admin_site.KaizenAdminSite"
