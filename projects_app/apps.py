from django.apps import AppConfig


class ProjectsAppConfig(AppConfig):
    name = "projects_app"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"
