from django.apps import AppConfig


class OptimizationAppConfig(AppConfig):
    name = "optimization_app"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from optimization_app import receivers

        del receivers
