"""Reads of trading's rows for pages, consoles and summaries; nothing here writes."""
