from django.apps import AppConfig


class LlmAppConfig(AppConfig):
    name = "llm_app"
    default_auto_field = "django.db.models.BigAutoField"
