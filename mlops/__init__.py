"""Models: from samples to versions to scores, and round again.

``services.samples`` keeps each episode and its labels, ``training`` makes a model of them, ``services.versions`` and
``services.promotion`` keep it and say which one serves, ``serving`` asks it in the path of a quote, and
``services.watching`` and ``validation`` hold what it said against what came. ``registry`` shows it all in MLflow.
"""
