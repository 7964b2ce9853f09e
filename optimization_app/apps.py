from django.apps import AppConfig


class OptimizationAppConfig(AppConfig):
    name = "optimization_app"
    default_auto_field = "django.db.models.BigAutoField"
