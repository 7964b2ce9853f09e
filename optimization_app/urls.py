from django.urls import path

from optimization_app import evaluation_pages, failure_pages, pages, result_pages, start_pages

app_name = "jobs"
urlpatterns = [
    path("p/<slug:project>/jobs/", pages.job_list_page, name="list"),
    path("p/<slug:project>/jobs.csv", pages.job_csv, name="csv"),
    path("p/<slug:project>/jobs/new/", start_pages.start_page, name="new"),
    path("p/<slug:project>/jobs/new/estimate/", start_pages.estimate_fragment, name="estimate"),
    path("p/<slug:project>/jobs/<str:job_id>/", pages.job_page, name="job"),
    path(
        "p/<slug:project>/prompts/<slug:task>/versions/<int:number>/evaluate/",
        evaluation_pages.evaluate_page,
        name="evaluate",
    ),
    path(
        "p/<slug:project>/prompts/<slug:task>/compare/<int:a>/<int:b>/results/",
        result_pages.results_page,
        name="results",
    ),
    path(
        "p/<slug:project>/jobs/<str:job_id>/failures/",
        failure_pages.failures_page,
        name="failures",
    ),
    path(
        "p/<slug:project>/jobs/<str:job_id>/failures/collect/",
        failure_pages.collect_cluster,
        name="collect",
    ),
    path(
        "p/<slug:project>/jobs/<str:job_id>/failures/<uuid:example>/",
        failure_pages.act,
        name="failure",
    ),
    path("p/<slug:project>/jobs/<str:job_id>/live/", pages.job_fragment, name="fragment"),
    path("p/<slug:project>/jobs/<str:job_id>/bundle/", pages.job_bundle, name="bundle"),
    path("p/<slug:project>/jobs/<str:job_id>/rerun/", start_pages.rerun, name="rerun"),
    path("p/<slug:project>/jobs/<str:job_id>/stop/", pages.job_stop, name="stop"),
]
