"""Talking to the outside: what we ask of any venue, and the adapters that ask it."""
