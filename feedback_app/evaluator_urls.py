from django.urls import path

from feedback_app import evaluator_pages

app_name = "evaluator"
urlpatterns = [
    path(
        "p/<slug:project>/tasks/<slug:task>/evaluator/",
        evaluator_pages.evaluator_page,
        name="task",
    ),
]
