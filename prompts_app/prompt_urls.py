"""The pages of a prompt and its versions."""

from django.urls import path

from prompts_app import prompt_list_pages, prompt_new_pages, prompt_pages, tag_doors, version_pages

PROJECT = "p/<slug:project>"
PLACE = f"{PROJECT}/prompts/<slug:task>"
VERSION = f"{PLACE}/versions/<int:number>"

urlpatterns = [
    path(f"{PROJECT}/prompts/", prompt_list_pages.prompt_list_page, name="list"),
    path(f"{PROJECT}/prompts.csv", prompt_list_pages.prompt_list_csv, name="csv"),
    # Not below prompts/: a prompt may be called "new".
    path(f"{PROJECT}/new-prompt/", prompt_new_pages.new_page, name="new"),
    path(f"{PROJECT}/import-prompt/", prompt_new_pages.import_page, name="import"),
    path(f"{PLACE}/", prompt_pages.prompt_page, name="prompt"),
    path(f"{PLACE}/versions/", prompt_pages.version_list_page, name="versions"),
    path(f"{PLACE}/versions.csv", prompt_pages.version_list_csv, name="versions-csv"),
    path(f"{PLACE}/compare/", prompt_pages.compare_any, name="compare-any"),
    path(f"{PLACE}/lineage/", prompt_pages.lineage_page, name="lineage"),
    path(f"{PLACE}/use/", prompt_pages.use_page, name="use"),
    path(f"{PLACE}/tags/", tag_doors.set_tag, name="tag-set"),
    path(f"{PLACE}/tags/<str:name>/remove/", tag_doors.remove_tag, name="tag-remove"),
    path(f"{VERSION}/", version_pages.version_page, name="version"),
    path(f"{VERSION}/file/", version_pages.version_file, name="file"),
]
