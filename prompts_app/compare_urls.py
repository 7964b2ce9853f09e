"""The compare page and what is decided there; `a` would be replaced by `b`."""

from django.urls import path

from prompts_app import compare_doors, compare_pages, version_doors

PLACE = "p/<slug:project>/prompts/<slug:task>"
PAIR = f"{PLACE}/compare/<int:a>/<int:b>"

urlpatterns = [
    path(f"{PAIR}/", compare_pages.compare_page, name="compare"),
    path(f"{PAIR}/promote/", compare_doors.promote, name="promote"),
    path(f"{PAIR}/override/", compare_doors.override, name="override"),
    path(f"{PAIR}/reject/", compare_doors.reject, name="reject"),
    path(f"{PLACE}/versions/<int:number>/edit/", version_doors.edit, name="edit"),
    path(f"{PLACE}/versions/<int:number>/rollback/", version_doors.rollback, name="rollback"),
    path(f"{PLACE}/versions/<int:number>/propose/", version_doors.propose, name="propose"),
    path(f"{PLACE}/versions/<int:number>/text/", compare_pages.whole_text, name="text"),
]
