"""Recordings: every sound book as it was seen, written in compressed pages and read back digit for digit."""
