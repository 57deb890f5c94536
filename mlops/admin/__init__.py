"""The pages of models: what was learnt from, what was trained, what serves, and how it does."""

from mlops.admin import attempts, performance, samples, serving, versions

__all__ = ["attempts", "performance", "samples", "serving", "versions"]
