"""Backups: every mode's database and the model store, checked figure by figure, and brought back."""

from arbsite.backups.shelf import newest_verified_at

__all__ = ["newest_verified_at"]
