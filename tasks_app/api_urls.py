from django.urls import path

from tasks_app.api import TaskGetApi, TaskListApi

urlpatterns = [
    path("tasks", TaskListApi.as_view(), name="tasks"),
    path("tasks/<slug:slug>", TaskGetApi.as_view(), name="task"),
]
