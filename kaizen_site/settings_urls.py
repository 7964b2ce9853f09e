"""The addresses of settings; each page lives in the room whose facts it changes."""

from django.urls import path

from kaizen_site.installation_page import installation_page
from llm_app import connection_pages
from projects_app import key_pages, settings_pages
from prompts_app import git_pages

app_name = "settings"
PLACE = "p/<slug:project>/settings/"
ONE = f"{PLACE}connections/<slug:slug>/"
urlpatterns = [
    path(PLACE, settings_pages.project_settings_page, name="page"),
    path(f"{PLACE}members/", settings_pages.member_list_page, name="members"),
    path(f"{PLACE}members/add/", settings_pages.member_add_page, name="member-add"),
    path(
        f"{PLACE}members/<int:member_id>/role/",
        settings_pages.member_role_page,
        name="member-role",
    ),
    path(
        f"{PLACE}members/<int:member_id>/remove/",
        settings_pages.member_remove_page,
        name="member-remove",
    ),
    path(f"{PLACE}keys/", key_pages.key_list_page, name="keys"),
    path(f"{PLACE}keys/<str:key_id>/revoke/", key_pages.key_revoke_page, name="key-revoke"),
    path(f"{PLACE}connections/", connection_pages.connection_list_page, name="connections"),
    path(ONE, connection_pages.connection_page, name="connection"),
    path(f"{ONE}secret/", connection_pages.connection_secret_page, name="connection-secret"),
    path(f"{ONE}prices/", connection_pages.connection_price_page, name="connection-price"),
    path(f"{ONE}prices/seed/", connection_pages.connection_seed_page, name="connection-seed"),
    path(f"{ONE}test/", connection_pages.connection_test_page, name="connection-test"),
    path(f"{ONE}tested/", connection_pages.connection_test_fragment, name="connection-tested"),
    path(f"{PLACE}git/", git_pages.git_page, name="git"),
    path(f"{PLACE}git/places/", git_pages.git_add_page, name="git-add"),
    path(f"{PLACE}git/files/", git_pages.git_file_page, name="git-file"),
    path(f"{PLACE}git/<slug:task>/test/", git_pages.git_test_page, name="git-test"),
    path(f"{PLACE}git/<slug:task>/tested/", git_pages.git_tested_fragment, name="git-tested"),
    path(f"{PLACE}installation/", installation_page, name="installation"),
]
