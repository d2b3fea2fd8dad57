"""The API below the language."""

from django.conf.urls.i18n import i18n_patterns
from support.urls import urlpatterns as ours

urlpatterns = i18n_patterns(*ours)
