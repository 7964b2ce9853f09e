from django.urls import path

from feedback_app import dataset_pages as pages

app_name = "datasets"
PLACE = "p/<slug:project>/datasets/"
urlpatterns = [
    path(PLACE, pages.dataset_list_page, name="list"),
    path(f"{PLACE}upload/", pages.dataset_upload_page, name="upload"),
    path(f"{PLACE}preview/", pages.dataset_preview_fragment, name="preview"),
    path(f"{PLACE}<str:dataset_id>/", pages.dataset_page, name="dataset"),
    path(f"{PLACE}<str:dataset_id>/errors.csv", pages.dataset_errors, name="errors"),
    path(f"{PLACE}<str:dataset_id>/declare/", pages.dataset_declare_page, name="declare"),
]
