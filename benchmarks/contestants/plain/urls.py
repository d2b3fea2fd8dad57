"""The URLs."""

from __future__ import annotations

from django.urls import path

from benchmarks.contestants.plain import views

ME = "api/users/me/"

urlpatterns = [
    path(ME + "activities/", views.ActivitiesView.as_view()),
    path(ME + "profile/", views.ProfileView.as_view()),
    path(ME + "app-data/<str:app>/<str:key>/", views.AppDataView.as_view()),
    path(ME + "analytics/event-counts/", views.EventCountsView.as_view()),
]
