"""Which address shows what."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from arbsite.health import healthz, readyz
from arbsite.verdict_page import verdict_headline, verdict_page

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/verdict/", admin.site.admin_view(verdict_page), name="verdict"),
    path("admin/verdict/headline/", admin.site.admin_view(verdict_headline), name="verdict_headline"),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
