from django.urls import path

from feedback_app.api import FeedbackBatchLogApi, FeedbackLogApi
from feedback_app.dataset_api import DatasetDetailApi, DatasetListApi, DatasetUploadApi

urlpatterns = [
    path("feedback", FeedbackLogApi.as_view(), name="feedback"),
    path("feedback/batch", FeedbackBatchLogApi.as_view(), name="feedback-batch"),
    path("datasets", DatasetListApi.as_view(), name="datasets"),
    path("datasets/upload", DatasetUploadApi.as_view(), name="dataset-upload"),
    path("datasets/<str:dataset_id>", DatasetDetailApi.as_view(), name="dataset"),
]
