from django.urls import path

from feedback_app import dataset_pages as pages
from feedback_app import import_pages as imports

app_name = "datasets"
PLACE = "p/<slug:project>/datasets/"
IMPORT = f"{PLACE}imports/<str:import_id>/"
ONE = f"{PLACE}<str:dataset_id>/"
urlpatterns = [
    path(PLACE, pages.dataset_list_page, name="list"),
    path(f"{PLACE}upload/", imports.upload_page, name="upload"),
    path(IMPORT, imports.import_page, name="import"),
    path(f"{IMPORT}report/", imports.report_page, name="report"),
    path(f"{IMPORT}left-out.csv", imports.problems_csv, name="left-out"),
    path(f"{IMPORT}save/", imports.save_page, name="save"),
    path(f"{IMPORT}drop/", imports.drop_page, name="drop"),
    path(ONE, pages.dataset_page, name="dataset"),
    path(f"{ONE}errors.csv", pages.dataset_errors, name="errors"),
    path(f"{ONE}rows.csv", pages.dataset_csv, name="csv"),
    path(f"{ONE}rows.jsonl", pages.dataset_jsonl, name="jsonl"),
    path(f"{ONE}declare/", pages.dataset_declare_page, name="declare"),
    path(f"{ONE}compare/", pages.dataset_compare_page, name="compare"),
]
