"""Validation: what models said beside what came, as figures, words, plots and one page; pure values in and out."""
