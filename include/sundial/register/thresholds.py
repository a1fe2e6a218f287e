"""Between which ends a threshold can be held against what was measured, by its name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

_RATES = frozenset(
    {
        "abandoned_share",
        "canary_share",
        "complaint_share",
        "duplicate_share",
        "human_request_honoured_share",
        "human_review_share",
        "negative_feedback_share",
        "no_human_share",
        "opt_out_share",
        "outlier_share",
        "override_share_high",
        "override_share_low",
        "overturned_share",
        "pii_share",
        "recontact_share",
        "refused_share",
        "sole_factor_share",
        "unknown_group_share",
    }
)
"""Bounds on a rate that carry evidence: of 0 and 1 there is none, since one row would break them."""

_FROM_ZERO = frozenset({"equity_tolerance", "practical_share_change", "share_change", "version_change"})
"""Tolerated differences of shares."""

_ABOVE = {"access_ratio": 0.0, "domain_classifier_auc": 0.5, "hours_to_review": 0.0, "volume_ratio": 0.0}
_UP_TO = {"domain_classifier_auc": 1.0, "volume_ratio": 1.0}


class Valued(Protocol):
    """A number in force."""

    @property
    def value(self) -> float:
        """The number."""


def possible(thresholds: Mapping[str, Valued]) -> None:
    """Raises ValueError for a threshold that nothing could be held against; other names may have any."""
    for name, chosen in thresholds.items():
        value = chosen.value
        if name in _RATES and not 0 < value < 1:
            raise ValueError(
                f"{name}: {value:g} would be broken by a single row, or by none; give a share above 0 and "
                "below 1, such as 0.001 or 0.999"
            )
        if name in _FROM_ZERO and not 0 <= value < 1:
            raise ValueError(f"{name}: {value:g} is no difference of shares; give one from 0 to below 1")
        least, most = _ABOVE.get(name, -math.inf), _UP_TO.get(name, math.inf)
        if not least < value <= most:
            raise ValueError(f"{name}: {value:g} cannot be; give a number above {least:g}, at most {most:g}")
