from django.urls import path

from kaizen_site import home_pages, start_pages

app_name = "projects"
PLACE = "p/<slug:project>/"
urlpatterns = [
    path("projects/", home_pages.project_list_page, name="list"),
    path(PLACE, home_pages.home_page, name="home"),
    path(f"{PLACE}under-way/", home_pages.under_way_fragment, name="under-way"),
    path(f"{PLACE}demo/start/", start_pages.demo_start_page, name="demo-start"),
    path(f"{PLACE}demo/remove/", start_pages.demo_remove_page, name="demo-remove"),
    path(f"{PLACE}checklist/", start_pages.checklist_page, name="checklist"),
    path(f"{PLACE}connect/", start_pages.connect_page, name="connect"),
    path(f"{PLACE}connect/<str:key>/", start_pages.connected_fragment, name="connected"),
]
