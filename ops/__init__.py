"""What every app needs and none owns: outbox, alerts, operator actions, locks, correlation, canaries, series."""
