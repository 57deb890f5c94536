"""Thinking: plain values in, plain values out. No Django, Celery, network, clock, randomness or logging."""
