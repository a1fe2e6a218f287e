"""Columns that Sundial makes of a feed's own: checks ask for them by these names."""

from __future__ import annotations

FLAGS = frozenset(
    {
        *(
            "predicted",
            "outcome",
            "within_tolerance",
            "truth_cut",
            "late",
            "failed",
            "escalated",
            "corrected",
            "hit",
        ),
        *("pii", "explained", "marked"),
    }
)
"""Columns of whole numbers: 0 or 1, and 2 for an outcome that cannot be known."""

MEASURED = frozenset(
    {
        "score",
        "error",
        "absolute_error",
        "squared_error",
        "truth",
        "squared_truth",
        "latency",
        "rating",
        "ndcg",
        "reciprocal_rank",
    }
)
"""Columns of numbers that Sundial makes; a feed's own `numbers` come beside them."""

OF_TEXTS = ("pii", "pii_kinds", "explained")
"""Columns that stand in landed and accepted outputs for texts, which are dropped once they were read."""

LABELS = frozenset({"model_version", "predicted_class", "outcome_class", "pii_kinds"})
"""Columns of text that Sundial makes; a feed's own categories come beside them."""

WEIGHTS = frozenset({"weight", "outcome_weight"})

RESERVED = FLAGS | MEASURED | LABELS | WEIGHTS
"""Names that no category and no number of a feed may have."""
