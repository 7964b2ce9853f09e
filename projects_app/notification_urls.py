from django.urls import path

from projects_app import notification_pages as pages

app_name = "notifications"
PLACE = "p/<slug:project>/settings/notifications"
CHANNEL = f"{PLACE}/<uuid:channel>"
urlpatterns = [
    path(f"{PLACE}/", pages.notifications_page, name="page"),
    path(f"{PLACE}.csv", pages.log_csv, name="csv"),
    path(f"{PLACE}/add/", pages.add, name="add"),
    path(f"{CHANNEL}/", pages.channel_page, name="channel"),
    path(f"{CHANNEL}/change/", pages.change, name="change"),
    path(f"{CHANNEL}/renew/", pages.renew, name="renew"),
    path(f"{CHANNEL}/remove/", pages.remove, name="remove"),
    path(f"{CHANNEL}/test/", pages.test, name="test"),
    path(f"{PLACE}/deliveries/<uuid:delivery>/again/", pages.send_again, name="again"),
]
