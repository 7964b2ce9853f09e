from django.urls import path

from feedback_app.api import FeedbackBatchLogApi, FeedbackLogApi

urlpatterns = [
    path("feedback", FeedbackLogApi.as_view(), name="feedback"),
    path("feedback/batch", FeedbackBatchLogApi.as_view(), name="feedback-batch"),
]
