"""Terms: all that decisions were made with beside the books, kept with a recording so that a replay decides alike."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from domain.costs import FeeSchedule
from domain.detection import DetectConfig
from domain.errors import BadInput
from domain.features import Contexts, FeatureContext
from domain.gas import GasTerms
from domain.market import Asset, MarketKey, Pair
from domain.terms import Caps, Lot
from trading.json_values import from_json

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """What decisions were made with; ``adapters`` names the adapter behind each venue."""

    config: DetectConfig
    linger_ms: int
    paper_delay_ms: int
    adapters: Mapping[str, str]

    @property
    def markets(self) -> tuple[MarketKey, ...]:
        """Return the markets that were watched, in the order they were."""
        return tuple(self.config.lots)

    def to_json(self) -> Json:
        """Return the terms ready for JSON, money as strings."""
        config = self.config
        return {
            "min_net_bps": str(config.min_net_bps),
            "near_miss_bps": str(config.near_miss_bps),
            "exploration_share": str(config.exploration_share),
            "max_age_ms": config.max_age_ms,
            "max_skew_ms": config.max_skew_ms,
            "resolution_s": config.resolution_s,
            "max_trade_usd": str(config.caps.max_usd),
            "linger_ms": self.linger_ms,
            "paper_delay_ms": self.paper_delay_ms,
            "fees": {venue: _texts(schedule) for venue, schedule in config.fees.items()},
            "gas": {venue: [terms.units, terms.asset.symbol] for venue, terms in config.gas.items()},
            "lots": [[key.venue, key.pair.symbol, _texts(lot)] for key, lot in config.lots.items()],  # in their order
            "quote_usd": {asset: str(rate) for asset, rate in config.quote_usd.items()},
            "context": contexts_json(config.context),
            "adapters": dict(self.adapters),
        }


def terms_from_json(data: Json) -> Terms:
    """Return the terms that ``Terms.to_json`` wrote. Raises: BadInput."""
    try:
        return _terms(data)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidOperation, BadInput) as error:
        raise BadInput(f"the terms of the recording cannot be read: {type(error).__name__} {error}") from None


def contexts_json(contexts: Contexts) -> Json:
    """Return what rows tell of pairs ready for JSON, which knows no unknown figure."""
    return {symbol: _texts(context) for symbol, context in contexts.items()}


def contexts_from_json(data: Json) -> Contexts:
    """Return what ``contexts_json`` was given; what an older version did not tell is unknown."""
    return {
        symbol: FeatureContext(**{name: float(value) for name, value in told.items()}) for symbol, told in data.items()
    }


def _terms(data: Json) -> Terms:
    config = DetectConfig(
        min_net_bps=Decimal(data["min_net_bps"]),
        max_age_ms=data["max_age_ms"],
        max_skew_ms=data["max_skew_ms"],
        fees={venue: from_json(FeeSchedule, told) for venue, told in data["fees"].items()},
        lots={MarketKey(venue, Pair.parse(symbol)): from_json(Lot, told) for venue, symbol, told in data["lots"]},
        caps=Caps(Decimal(data["max_trade_usd"])),
        quote_usd={asset: Decimal(rate) for asset, rate in data["quote_usd"].items()},
        context=contexts_from_json(data["context"]),
        resolution_s=data["resolution_s"],
        gas={venue: GasTerms(units, Asset(asset)) for venue, (units, asset) in data.get("gas", {}).items()},
        near_miss_bps=Decimal(data.get("near_miss_bps", 0)),
        exploration_share=Decimal(data.get("exploration_share", 0)),
    )
    return Terms(config, data["linger_ms"], data["paper_delay_ms"], data["adapters"])


def _texts(value: FeeSchedule | Lot | FeatureContext) -> dict[str, str]:
    """Return each field as text; a float's text reads back as the same float, the unknown ones too."""
    return {name: str(field) for name, field in asdict(value).items()}
