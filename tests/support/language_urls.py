"""The API and the calls of the ChabadUniverse clients below the language."""

from django.conf.urls.i18n import i18n_patterns
from support.universe_urls import urlpatterns as ours

urlpatterns = i18n_patterns(*ours)
