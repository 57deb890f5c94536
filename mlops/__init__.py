"""Models: samples, versions, scores."""
