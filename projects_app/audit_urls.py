from django.urls import path

from projects_app import audit_pages

app_name = "audit"
urlpatterns = [
    path("p/<slug:project>/audit/", audit_pages.audit_page, name="list"),
    path("p/<slug:project>/audit.csv", audit_pages.audit_csv, name="csv"),
    path("p/<slug:project>/audit.jsonl", audit_pages.audit_jsonl, name="jsonl"),
]
