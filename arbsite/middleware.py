"""What happens around every request."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from ops import metering, metrics
from ops.correlation import correlated


def correlation(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Give every request its own correlation id, and say it in the answer."""

    def answer(request: HttpRequest) -> HttpResponse:
        begun_s = time.monotonic()
        with correlated() as correlation_id:
            response = get_response(request)
        response["X-Correlation-Id"] = correlation_id
        metering.observe(metrics.HTTP_DURATION, time.monotonic() - begun_s)
        metering.add(metrics.HTTP_REQUESTS, _method(request), str(response.status_code))
        return response

    return answer


def _method(request: HttpRequest) -> str:
    """Return the method under which a request is counted: strangers may send any word."""
    method = request.method or ""
    return method if method in ("GET", "HEAD", "POST") else "other"
