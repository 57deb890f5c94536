"""Serving: the models of a scope in this process, loaded once and asked in the path of a quote."""

from mlops.serving.model import Model, Said
from mlops.serving.native import NoLightGBM
from mlops.serving.scorer import EXPIRED, NO_MODEL, ModelScorer, Post
from mlops.serving.shelf import Shelf

__all__ = ["EXPIRED", "NO_MODEL", "Model", "ModelScorer", "NoLightGBM", "Post", "Said", "Shelf"]
