"""The URLs of the portal."""

from django.urls import path

from portal import views

app_name = "portal"

urlpatterns = [
    path("", views.home, name="home"),
    path("account/delete/", views.delete_account, name="delete-account"),
]
