from django.urls import path

from llm_app import pages

app_name = "spend"
urlpatterns = [
    path("p/<slug:project>/spend/", pages.spend_page, name="page"),
    path("p/<slug:project>/spend.csv", pages.spend_csv, name="csv"),
]
