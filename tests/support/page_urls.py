"""The paths of a host project that has a page to log in."""

from django.contrib.auth.views import LoginView
from django.urls import path
from support.urls import urlpatterns as ours

urlpatterns = [*ours, path("log-in/", LoginView.as_view())]
