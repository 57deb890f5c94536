"""Serving: the models of a scope in this process, loaded once and asked in the path of a quote."""
