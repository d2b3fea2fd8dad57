"""The API below prefixes that vary, with a name and without one."""

from django.urls import include, path, re_path

ours = include("chabad_auth_django.api.urls")

urlpatterns = [path("tenants/<int:tenant>/", ours), re_path(r"^(v1|v2)/", ours)]
