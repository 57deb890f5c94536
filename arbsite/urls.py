"""Which address shows what."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from arbsite.health import healthz, readyz

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
