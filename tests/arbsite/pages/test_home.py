"""The first page: what was earned, why nothing was traded, and which run that is said of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils.html import strip_tags

from domain.scope import Mode, Scope
from mlops.models import ModelAlias, ModelPerformance, ModelVersion, ServedModel
from risk.models import Breaker
from risk.services.gate import lock_gate
from tests.fakes import SIM, book
from tests.hours import this_hour
from tests.mlops.test_models import store
from tests.trading.models.rows import make
from tests.trading.services.conftest import Line
from trading.models import (
    EvaluationCount,
    Execution,
    ExecutionLog,
    Opportunity,
    RecordedHour,
    RecordedPage,
    Recording,
    Run,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(client, settings):
    client.force_login(User.objects.create_superuser("operator", password="a long enough one"))

    def look(scope: Scope):
        settings.ARB = replace(settings.ARB, scope=scope)
        answer = client.get(reverse("admin:index"))
        assert answer.status_code == 200
        return answer

    return look


def table(answer, title: str):
    return next(panel for panel in answer.context["panels"] if panel.title == title)


def cards(answer) -> dict[str, str]:
    return {card.name: card.text for card in answer.context["cards"]}


def test_a_settled_trade_is_told_from_gross_to_net_and_leads_to_its_execution(home):
    line = Line()
    execution = line.open(book("a", "99.9", "100"), book("b", "101", "101.1"))
    line.run(execution.pk)
    Execution.objects.filter(pk=execution.pk).update(decided_at=datetime.now(UTC))
    answer = home(SIM)
    lines = dict(table(answer, "From gross to net").rows)
    assert (lines["gross, as planned for what both legs filled"], lines["− fees"]) == ("$1.00", "$0.21")
    assert "$0.79" in lines["= net"]
    assert "$0.79" in cards(answer)["net result in 24 h"]
    assert cards(answer)["filled executions that earned"] == "100% of 1"
    assert reverse("admin:trading_execution_change", args=[execution.pk]) in answer.content.decode()


def test_a_scope_that_did_nothing_says_so(home):
    answer = home(Scope(Mode.SIM))
    assert cards(answer)["filled executions that earned"] == "none yet"
    assert "Nothing has been refused." in answer.content.decode()


def test_reasons_of_refusals_are_counted_in_words(home):
    make(Opportunity, reason="max_open_executions")
    make(EvaluationCount, stage="crossed", reason="not_crossed", count=12_345)
    make(EvaluationCount, stage="paid", reason="", count=3)
    assert table(home(Scope(Mode.SIM)), "Why nothing was traded").rows == [
        ("max open executions", "an opportunity", "1"),
        ("not crossed", "a look at a route", "12,345"),
    ]


def test_no_figure_mixes_two_scopes(home):
    make(Execution, mode="dry_run")
    make(Execution, run_id="another")
    answer = home(Scope(Mode.SIM))
    assert (cards(answer)["executions in 24 h"], table(answer, "Last executions").rows) == ("0", [])


def test_of_replays_the_newest_run_is_shown_whatever_time_it_replayed(home):
    for run_id in ("first", "second"):
        make(Run, mode="replay", run_id=run_id)
    make(Opportunity, mode="replay", run_id="second", timestamp="2023-03-11T12:00:00Z", size=Decimal(2))
    answer = home(Scope(Mode.REPLAY))
    assert answer.context["scope"] == Scope(Mode.REPLAY, "second")
    assert cards(answer)["opportunities in this run"] == "1"
    assert answer.context["canaries"] == []
    assert "The newest run:" in answer.content.decode()


def test_the_hours_of_two_days_are_drawn_and_each_leads_to_its_rows(home):
    at = this_hour()
    make(Opportunity, timestamp=at, executed=True)
    make(Opportunity, timestamp=at)
    make(ExecutionLog, timestamp=at, profit_usd=Decimal("-1.25"))
    found, earned = home(Scope(Mode.SIM)).context["charts"]
    assert len(found.bars) == len(earned.bars) == 48
    assert found.bars[-1].says.endswith("2 opportunities, 1 executed")
    assert found.summary.startswith("2 opportunities in 48 hours, 1 executed")
    assert earned.bars[-1].says.endswith("-$1.25")
    assert earned.bottom == "-$1.25"
    page = home(Scope(Mode.SIM)).client.get(found.bars[-1].address)
    assert page.context["cl"].result_count == 2


def test_without_trades_the_pictures_say_so(home):
    assert [one.nothing[:2] for one in home(Scope(Mode.SIM)).context["charts"]] == ["No", "No"]


def test_the_age_of_data_is_told_of_each_venue(home):
    recording = make(Recording, started_at=datetime.now(UTC), heartbeat_at=datetime.now(UTC))
    make(RecordedHour, venue="kraken", hour=datetime.now(UTC).replace(minute=0, second=0, microsecond=0), updates=7)
    rows = {row[0]: row for row in table(home(Scope(Mode.SIM)), "Data of each venue").rows}
    assert rows["kraken"][3] == "1 of 25 h, 7 books"
    assert recording.updates == 0


def test_a_recording_that_cannot_be_read_leaves_the_page_standing(home):
    make(RecordedPage, payload=b"\xff" + bytes(20))
    assert "cannot be read" in table(home(Scope(Mode.SIM)), "Data of each venue").note


def test_without_models_the_page_says_that_the_rules_decide_and_how_many_outcomes_there_are(home):
    panel = table(home(SIM), "Models")
    assert panel.rows == []
    assert "the rules alone decide" in panel.nothing
    assert panel.nothing.endswith("0 executed outcomes in this mode and run.")


def test_the_champion_is_told_with_its_age_what_each_process_does_with_it_and_its_challenger(home):
    at = datetime.now(UTC) - timedelta(days=3)
    champion = store(ModelVersion, created_at=at)
    challenger = store(ModelVersion, tag="20260312_120000", is_synthetic=True)
    store(ModelAlias, version=champion)
    store(ModelAlias, alias="challenger", version=challenger, is_synthetic=True)
    for process, abstains in (("stream", ""), ("worker-scan", "tampered: one file changed"), ("gone", "")):
        store(ServedModel, process=process, abstains=abstains, seen_at=datetime.now(UTC))
    ServedModel.objects.filter(process="gone").update(seen_at=at)
    measured = store(ModelPerformance, model_version=champion.tag, accuracy=0.72, n=140)
    row = [strip_tags(cell) for cell in table(home(Scope(Mode.SIM)), "Models").rows[1]]
    assert row[:3] == ["profit maximizer", champion.tag, "3 days"]
    assert "judges stream" in " ".join(row[3].split())
    assert "abstains worker-scan: tampered: one file changed" in " ".join(row[3].split())
    assert "gone" not in row[3]
    assert row[4] == "72.0% right, 140 outcomes"
    assert row[5].split() == [challenger.tag, "synthetic"]
    assert reverse("admin:mlops_modelperformance_change", args=[measured.pk]) in home(Scope(Mode.SIM)).content.decode()


def test_a_suspended_champion_and_one_that_nobody_serves_are_told(home):
    alias = store(ModelAlias, version=store(ModelVersion))
    row = table(home(Scope(Mode.SIM)), "Models").rows[1]
    assert "no process serves it at present" in row[3]
    assert row[4:] == ("not yet", "none")
    ModelAlias.objects.filter(pk=alias.pk).update(suspended_at=datetime.now(UTC), suspended_why="it lost 12 USD")
    assert "it lost 12 USD" in table(home(Scope(Mode.SIM)), "Models").rows[1][3]


def test_who_may_not_see_versions_is_shown_no_models(client, home):
    user = User.objects.create_user("bob", password="a long enough one", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_opportunity"))
    client.force_login(user)
    assert "Models" not in [panel.title for panel in client.get(reverse("admin:index")).context["panels"]]


def test_a_breaker_that_tripped_is_counted_and_lit(home):
    lock_gate(SIM, now=datetime.now(UTC))
    Breaker.objects.in_scope(SIM).filter(kind="win_rate").update(
        state="open", opened_at=datetime.now(UTC), cool_until=datetime.now(UTC), reason="3 of 20"
    )
    answer = home(SIM)
    assert cards(answer)["breakers not closed"] == "1"
    assert {light.name: light.colour for light in answer.context["breakers"]}["win rate"] == "danger"


def test_a_card_leads_to_the_rows_behind_it(home):
    addresses = [card.address for card in home(Scope(Mode.SIM)).context["cards"]]
    assert reverse("admin:trading_opportunity_changelist") in addresses
    assert f"{reverse('admin:ops_outbox_changelist')}?dispatched_at__isempty=1" in addresses
