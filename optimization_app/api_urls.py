from django.urls import path

from optimization_app import api

urlpatterns = [
    path("optimization/start", api.OptimizationStartApi.as_view()),
    path("optimization/jobs", api.JobListApi.as_view()),
    path("optimization/jobs/<str:job_id>", api.JobDetailApi.as_view()),
    path("optimization/jobs/<str:job_id>/result", api.JobResultApi.as_view()),
    path("optimization/jobs/<str:job_id>/promote", api.JobPromoteApi.as_view()),
    path("optimization/jobs/<str:job_id>/cancel", api.JobCancelApi.as_view()),
]
