"""Risk's admin pages."""

from risk.admin import pages

__all__ = ["pages"]
