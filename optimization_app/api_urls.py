from django.urls import path

from optimization_app import api, evaluation_api, judge_api

urlpatterns = [
    path("optimization/start", api.OptimizationStartApi.as_view()),
    path("optimization/jobs", api.JobListApi.as_view()),
    path("optimization/jobs/<str:job_id>", api.JobDetailApi.as_view()),
    path("optimization/jobs/<str:job_id>/result", api.JobResultApi.as_view()),
    path("optimization/jobs/<str:job_id>/bundle", api.JobBundleApi.as_view()),
    path("optimization/jobs/<str:job_id>/promote", api.JobPromoteApi.as_view()),
    path("optimization/jobs/<str:job_id>/cancel", api.JobCancelApi.as_view()),
    path("tasks/<slug:slug>/judge", judge_api.JudgeGetApi.as_view()),
    path("evaluations", evaluation_api.EvaluationStartApi.as_view()),
    path("evaluations/<str:job_id>", evaluation_api.EvaluationDetailApi.as_view()),
]
