"""The breakers' thresholds as the environment states them, in the domain's words."""

from django.conf import settings

from domain.breakers import BreakerConfig


def breaker_config() -> BreakerConfig:
    """Return the thresholds, windows and least counts in force. Raises: BadInput if one is not positive."""
    ours = settings.ARB.breakers
    return BreakerConfig(
        min_win_rate=ours.min_win_rate,
        win_rate_window=ours.window,
        max_drawdown=ours.max_drawdown,
        max_gas_share=ours.max_gas_share,
        gas_window=ours.window,
        gas_min_count=ours.min_outcomes,
        max_failures_in_row=ours.max_consecutive_failures,
        volatility_multiple=ours.volatility_multiple,
        max_execution_failure_share=ours.failure_rate,
        execution_failure_window_s=ours.failure_window_s,
        execution_failure_min_count=ours.min_outcomes,
        slippage_deviations=ours.slippage_z,
        cool_down_s=max(ours.cooldown_s, 1),
        probes_to_close=ours.probes,
        probe_size_share=ours.probe_size,
    )
