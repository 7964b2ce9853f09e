from django.apps import AppConfig


class OptimizationAppConfig(AppConfig):
    name = "optimization_app"
    verbose_name = "Jobs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from optimization_app import receivers

        del receivers
