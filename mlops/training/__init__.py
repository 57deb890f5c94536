"""Training: from labelled samples to a model and an honest account of its skill; pure, seeded, off every path."""
