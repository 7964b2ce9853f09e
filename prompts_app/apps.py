from django.apps import AppConfig


class PromptsAppConfig(AppConfig):
    name = "prompts_app"
    verbose_name = "Versions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from prompts_app import feedback_receivers, receivers

        del feedback_receivers, receivers
