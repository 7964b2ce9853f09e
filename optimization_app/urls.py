from django.urls import path

from optimization_app import pages

app_name = "jobs"
urlpatterns = [
    path("p/<slug:project>/jobs/", pages.job_list_page, name="list"),
    path("p/<slug:project>/jobs/<str:job_id>/", pages.job_page, name="job"),
    path("p/<slug:project>/jobs/<str:job_id>/live/", pages.job_fragment, name="fragment"),
    path("p/<slug:project>/jobs/<str:job_id>/stop/", pages.job_stop, name="stop"),
]
