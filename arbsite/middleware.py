"""What happens around every request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from ops.correlation import correlated


def correlation(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Give every request its own correlation id, and say it in the answer."""

    def answer(request: HttpRequest) -> HttpResponse:
        with correlated() as correlation_id:
            response = get_response(request)
        response["X-Correlation-Id"] = correlation_id
        return response

    return answer
