"""The demo: every process against simulated venues, on one screen, with one summary at its end."""
