"""The verdict's page: plain words first, every figure behind them, in the words that the command uses."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.urls import reverse
from django.utils.html import strip_tags

from tests.hours import this_hour
from tests.trading.models.rows import make
from trading.models import EvaluationCount, OfferedEdge

pytestmark = pytest.mark.django_db
ROUTES = ("kraken:BTC/USD>alpaca:BTC/USD", "alpaca:BTC/USD>kraken:BTC/USD")


@pytest.fixture
def operator(client):
    cache.clear()
    client.force_login(User.objects.create_superuser("operator", password="a long enough one"))
    return client


@pytest.fixture
def _offered():
    hour = this_hour()
    for days in (0, 1, 20):
        for route, tenth_bps in zip(ROUTES, (123, -130), strict=True):
            make(
                EvaluationCount,
                hour=hour - timedelta(days=days),
                route_key=route,
                stage="cost",
                reason="below_threshold",
            )
            make(OfferedEdge, hour=hour - timedelta(days=days), route_key=route, tenth_bps=tenth_bps, count=60)


def text_of(answer) -> str:
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", strip_tags(answer.content.decode()))


def table(answer, title: str):
    return next(panel for panel in answer.context["panels"] if panel.title == title)


@pytest.mark.usefixtures("_offered")
def test_it_says_that_nothing_would_have_paid_and_shows_by_how_much(operator):
    answer = operator.get(reverse("verdict"))
    text = text_of(answer)
    assert "nothing would have paid" in text
    rows = table(answer, "What was offered against what a trade needs").rows
    assert rows[0][5] == "12.3"
    assert [row[0] for row in rows[1:]] == ["kraken > alpaca", "alpaca > kraken"]
    assert len(table(answer, "Day by day").rows) == 2
    assert "65" in {row[0] for row in table(answer, "What would change it: lower fees").rows}


@pytest.mark.usefixtures("_offered")
def test_the_days_are_chosen_and_nonsense_is_the_usual_week(operator):
    for asked, days in (("30", 3), ("0", 3), ("1", 2), ("7", 2), ("-5", 2), ("many", 2)):
        answer = operator.get(reverse("verdict"), {"days": asked})
        assert len(table(answer, "Day by day").rows) == days, asked


def test_without_data_it_says_what_to_run(operator):
    answer = operator.get(reverse("verdict"))
    assert answer.context["panels"] == []
    assert "manage.py" in text_of(answer)


@pytest.mark.usefixtures("_offered")
def test_the_first_sentences_stand_alone_for_the_home_page(operator):
    assert "nothing would have paid" in text_of(operator.get(reverse("verdict_headline")))
    assert reverse("verdict_headline") in operator.get(reverse("admin:index")).content.decode()


def test_a_stranger_is_sent_to_the_login(client):
    assert client.get(reverse("verdict")).status_code == 302
    assert client.get(reverse("verdict_headline")).status_code == 302


def test_who_may_see_no_opportunity_is_shown_no_sums_of_them(client):
    client.force_login(User.objects.create_user("guest", is_staff=True))
    assert client.get(reverse("verdict")).status_code == 403
    assert client.get(reverse("verdict_headline")).status_code == 403
    home = client.get(reverse("admin:index"))
    assert home.status_code == 200
    assert "Gate and breakers" in home.content.decode()
    assert not {"cards", "charts", "panels"} & set(home.context_data)
    assert reverse("verdict") not in home.content.decode()
