from django.apps import AppConfig


class FeedbackAppConfig(AppConfig):
    name = "feedback_app"
    default_auto_field = "django.db.models.BigAutoField"
