from django.urls import path

from optimization_app import labelling_pages as pages

app_name = "labelling"
PLACE = "p/<slug:project>/labelling/"
urlpatterns = [
    path(PLACE, pages.labelling_list_page, name="tasks"),
    path(f"{PLACE}<slug:task>/", pages.labelling_page, name="task"),
    path(f"{PLACE}<slug:task>/draw/", pages.draw, name="draw"),
    path(f"{PLACE}<slug:task>/ask/", pages.ask, name="ask"),
    path(f"{PLACE}<slug:task>/<str:item>/label/", pages.label, name="label"),
    path(f"{PLACE}<slug:task>/<str:item>/undo/", pages.undo, name="undo"),
]
