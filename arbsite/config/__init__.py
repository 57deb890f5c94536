"""The configuration: the only reader of the process environment, as one frozen tree."""

from arbsite.config.build import load
from arbsite.config.environment import (
    child_environ,
    current,
    keep_caches_in,
    name_settings_module,
    prepend_to_path,
    replace_values,
    source,
    use_mode,
    use_services,
)
from arbsite.config.generated import claim_state_dir, generated_password, generated_secret, secret_file
from arbsite.config.services import database_url, parse_database_url
from arbsite.config.tree import (
    DATABASE_SUFFIX,
    Alpaca,
    Arb,
    Breakers,
    Database,
    Fees,
    Kraken,
    Limits,
    Redis,
    TradingConfig,
    VenueInstance,
    Venues,
    Web,
)

__all__ = [
    "DATABASE_SUFFIX",
    "Alpaca",
    "Arb",
    "Breakers",
    "Database",
    "Fees",
    "Kraken",
    "Limits",
    "Redis",
    "TradingConfig",
    "VenueInstance",
    "Venues",
    "Web",
    "child_environ",
    "claim_state_dir",
    "current",
    "database_url",
    "generated_password",
    "generated_secret",
    "keep_caches_in",
    "load",
    "name_settings_module",
    "parse_database_url",
    "prepend_to_path",
    "replace_values",
    "secret_file",
    "source",
    "use_mode",
    "use_services",
]
