"""Venue doubles that speak the real protocols on loopback, one market process behind them, and fault scripts."""
