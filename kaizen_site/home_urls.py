from django.urls import path

from kaizen_site import home_pages as pages

app_name = "projects"
urlpatterns = [
    path("projects/", pages.project_list_page, name="list"),
    path("p/<slug:project>/", pages.home_page, name="home"),
]
