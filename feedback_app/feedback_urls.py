from django.urls import path

from feedback_app import feedback_acts as acts
from feedback_app import feedback_pages as pages

app_name = "feedback"
PLACE = "p/<slug:project>/feedback/"
urlpatterns = [
    path(PLACE, pages.feedback_list_page, name="list"),
    path(f"{PLACE}feedback.csv", pages.feedback_csv, name="csv"),
    path(f"{PLACE}act/", acts.feedback_act_page, name="act"),
    path(f"{PLACE}<str:feedback_id>/", pages.feedback_item_page, name="item"),
    path(f"{PLACE}<str:feedback_id>/promote/", acts.feedback_promote_page, name="promote"),
]
