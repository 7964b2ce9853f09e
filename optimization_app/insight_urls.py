from django.urls import path

from optimization_app import insight_pages as pages

app_name = "insights"
PLACE = "p/<slug:project>/insights/"
urlpatterns = [
    path(PLACE, pages.insight_list_page, name="list"),
    path(f"{PLACE}<uuid:insight>/", pages.insight_page, name="insight"),
    path(f"{PLACE}<uuid:insight>/move/", pages.move, name="move"),
    path(f"{PLACE}<uuid:insight>/<uuid:suggestion>/decide/", pages.decide, name="decide"),
]
