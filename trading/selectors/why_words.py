"""Reasons and stages in plain words, for the console and the pages."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from domain.money import from_float
from domain.scores import ModelName, Scores, refusal_of
from mlops.abstentions import abstention_said
from mlops.said import scores_said
from ops.reports import plural
from trading.formats import in_bps, in_percent, in_usd, lasting, spaced
from trading.selectors.story import Story
from trading.selectors.verdict_words import run_named, span_named
from trading.selectors.why import Why

REASONS = {
    "no_book": "one of the two books was missing",
    "stale": "a book was too old",
    "future": "a book's time lay ahead of ours",
    "skewed": "the two books were not of one moment",
    "no_conversion": "the two quotes are different assets",
    "not_crossed": "the prices did not cross",
    "below_threshold": "the edge did not pay the costs",
    "too_small": "what paid was less than a lot",
    "no_rate": "no dollar rate is known for the quote",
    "out_of_range": "the figures were beyond any market",
    "no_inventory": "no coins or cash left at a venue",
    "score_expects_loss": "the models expected a loss",
    "score_unlikely": "the models thought it unlikelier to earn than a trade must be to pay",
    "halted": "trading was halted",
    "unreconciled": "nothing is sent after a restore until it is reconciled",
    "not_observed": "nobody saw the book it would have met",
    "limit_not_reached": "the price had gone by the time it arrived",
    "reverted": "its price had gone: it was undone, the gas paid",
    "no_gas_price": "nobody could say what gas costs in the quote",
    "needs_person": "it could not be evened out and waits for a person",
    "no_stream": "no stream watched the markets: it would have met no book",
    "episode_open": "the route was taken already",
    "under_way": "still under way",
}
STAGES = {
    "fresh": "two fresh books",
    "conversion": "quotes alike",
    "crossed": "prices crossed",
    "cost": "after fees",
    "size": "sized",
    "score": "models",
    "admission": "gates",
    "execution": "execution",
}


def reason_in_words(reason: str) -> str:
    """Return why, in plain words; a venue in front of the reason stays in front."""
    venue, colon, rest = reason.rpartition(": ")
    told = REASONS.get(rest, spaced(rest))
    if rest.startswith("breaker_"):
        told = f"breaker open: {spaced(rest.removeprefix('breaker_'))}"
    return f"{venue}: {told}" if colon else told


def stage_in_words(stage: str) -> str:
    """Return where it ended."""
    return STAGES.get(stage, stage)


def title(why: Why) -> str:
    """Return what is explained: the span and the scope."""
    return f"{span_named(why.span)} (UTC), {run_named(why.command, why.scope)}"


def answer(why: Why) -> list[str]:
    """Return what became of it all, in a few sentences."""
    steps = {step.name: step.count for step in why.funnel}
    if not steps["seen"]:
        return ["Nothing was looked at in this span."]
    said = [_came_of_it(steps)]
    if why.looks:
        first = max(why.looks, key=lambda one: one.count)
        share = in_percent(Decimal(first.count) / Decimal(steps["seen"]))
        said.append(f"Most often, in {share} of the looks, it ended because {reason_in_words(first.reason)}.")
    return said


def _came_of_it(steps: Mapping[str, int]) -> str:
    looks = plural(steps["seen"], "look")
    if not steps["after fees"]:
        return f"Of {looks} at a route none found a price that paid after fees."
    found, executed = steps["opportunities"], steps["executed"]
    they = (
        f"they were {plural(found, 'opportunity')}, of which {executed:,} {'was' if executed == 1 else 'were'} executed"
    )
    if found == 1:
        they = f"they were 1 opportunity, which was {'' if executed else 'not '}executed"
    return f"Of {looks} at a route {steps['after fees']:,} found a price that paid after fees; {they}."


def notes(why: Why) -> list[str]:
    """Return how the figures are to be read."""
    delay = "the next minute" if why.is_candles and why.delay_ms <= 60_000 else lasting(why.delay_ms)
    told = []
    if why.found:
        told.append(
            f"Later: what was left {'in' if why.is_candles else 'after'} {delay}, the time an order takes, over those "
            "that could be looked at again; dollars net of every cost, in the size that the gates let through."
        )
    told.append("Looks are counted by whole hours; what never paid after fees is not reckoned in dollars.")
    if why.explored:
        told.append(
            f"{plural(why.explored, 'opportunity')} that the models refused went on to the gates all the same, by "
            "chance, to learn from."
        )
    if why.is_cut_off:
        told.append(f"Of the opportunities the newest {why.found:,} are shown.")
    return told


def story_answer(story: Story) -> str:
    """Return what became of one opportunity, in a sentence, and in a second one if the models were overruled."""
    return " ".join([_outcome(story), *_overruled(story)])


def _outcome(story: Story) -> str:
    planned = in_usd(story.planned_usd)
    if story.executed and story.profit_usd is not None:
        size = "" if story.execution is None else _share_tried(story)
        return f"It was executed{size} and made {in_usd(story.profit_usd)}; as planned it would have made {planned}."
    if story.reason:
        return f"It was not traded: {reason_in_words(story.reason)}. As planned it would have made {planned}."
    return f"It is under way. As planned it makes {planned}."


def _overruled(story: Story) -> Iterator[str]:
    if story.scores.get("explored"):
        refusal = reason_in_words(refusal_of(scores_said(story.scores)))
        yield f"{refusal[0].upper()}{refusal[1:]}; chance let it go on to the gates all the same, to learn from."


def models_said(story: Story) -> list[tuple[str, str, str]]:
    """Return who was asked, whether it judged, and what it said or why it abstained: champions, then challengers."""
    whole = story.scores.get("abstained")
    told = [("models", "abstained", abstention_said(whole))] if isinstance(whole, str) else []
    champions = [] if told else list(_said(scores_said(story.scores)))
    challengers = _said(scores_said(story.scores, in_shadow=True)) if story.scores.get("shadow") else ()
    return [*told, *champions, *((f"challenging {name}", answer, what) for name, answer, what in challengers)]


def _said(scores: Scores) -> Iterator[tuple[str, str, str]]:
    versions, abstained = dict(scores.versions), dict(scores.abstained)
    for model, said in (
        (ModelName.ROUTE_SUCCESS, _likely(scores)),
        (ModelName.PROFIT, _expected(scores)),
        (ModelName.SLIPPAGE, _lost(scores)),
    ):
        if said:
            yield spaced(model), "scored", f"{said}, says version {versions.get(model, 'unknown')}"
        elif model in abstained:
            yield spaced(model), "abstained", abstention_said(abstained[model])


def _likely(scores: Scores) -> str:
    if scores.success_probability is None:
        return ""
    pays = scores.breakeven_probability
    beside = "" if pays is None else f", {in_percent(from_float(pays))} are needed"
    return f"{in_percent(from_float(scores.success_probability))} likely to earn{beside}"


def _expected(scores: Scores) -> str:
    return "" if scores.expected_net_usd is None else f"{in_usd(from_float(scores.expected_net_usd))} net expected"


def _lost(scores: Scores) -> str:
    if scores.slippage_bps is None:
        return ""
    outer = scores.slippage_range_bps
    beside = "" if outer is None else f", mostly between {outer[0]:.2f} and {outer[1]:.2f}"
    return f"{scores.slippage_bps:.2f} bps lost on the way{beside}"


def still_there(story: Story) -> str:
    """Return how long the route paid and how far the edge rose."""
    if story.closed_at is None:
        return f"Its route still pays; the edge rose to {in_bps(story.peak_bps)} bps net."
    length_ms = int((story.closed_at - story.at).total_seconds() * 1_000) + story.resolution_s * 1_000
    return f"Its route paid for {lasting(length_ms)}; the edge rose to {in_bps(story.peak_bps)} bps net."


def _share_tried(story: Story) -> str:
    assert story.execution is not None
    bought = next(
        (leg.quantity for leg in story.execution.legs if leg.role == "open" and leg.side == "buy"), story.size
    )
    share = bought / story.size
    return (
        "" if share > Decimal("0.99") else f" with {in_percent(share)} of its size, which is all the gates let through,"
    )
