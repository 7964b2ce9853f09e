from django.apps import AppConfig


class LlmAppConfig(AppConfig):
    name = "llm_app"
    verbose_name = "Models and spend"
    default_auto_field = "django.db.models.BigAutoField"
