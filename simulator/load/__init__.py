"""Doubles under load: many venues, many books, a stated rate of updates from frames that are built beforehand."""
