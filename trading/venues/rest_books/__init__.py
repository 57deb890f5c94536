"""Books by REST where no stream serves them: kept connections, all markets at once, budgets that workers share."""

from trading.venues.rest_books.books import RestBooks
from trading.venues.rest_books.readers import Reading

__all__ = ["Reading", "RestBooks"]
