"""Which address shows what."""

from collections.abc import Callable

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.generic import RedirectView

from arbsite.metrics.system import page as metrics_page
from arbsite.pages.alert_hook import grafana_alerts
from arbsite.pages.health import healthz, readyz
from arbsite.pages.home import MAY_READ
from arbsite.pages.verdict import verdict_headline, verdict_page


def _for_readers(page: Callable[[HttpRequest], HttpResponse]) -> Callable[..., HttpResponse]:
    """Return the page for those who may see the rows that it sums up; a stranger is sent to the login."""
    return admin.site.admin_view(permission_required(MAY_READ, raise_exception=True)(page))


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/verdict/", _for_readers(verdict_page), name="verdict"),
    path("admin/verdict/headline/", _for_readers(verdict_headline), name="verdict_headline"),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", _for_readers(metrics_page), name="metrics"),
    path("hooks/grafana", grafana_alerts, name="grafana_alerts"),
]
