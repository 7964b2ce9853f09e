from django.urls import path

from optimization_app import playground_pages as pages

app_name = "playground"
urlpatterns = [
    path("p/<slug:project>/play/", pages.playground_page, name="page"),
    path("p/<slug:project>/play/run/", pages.playground_start_page, name="start"),
    path("p/<slug:project>/play/save/", pages.playground_save_page, name="save"),
    path("p/<slug:project>/play/estimate/", pages.playground_estimate_fragment, name="estimate"),
    path("p/<slug:project>/play/runs/<str:run_id>/", pages.playground_run_page, name="run"),
    path(
        "p/<slug:project>/play/runs/<str:run_id>/results/",
        pages.playground_results_fragment,
        name="results",
    ),
]
