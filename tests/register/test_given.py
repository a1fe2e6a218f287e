"""What people enter is refused with every field that is wrong, what is wrong, and the remedy."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from sundial.register.given import (
    BaselineProposal,
    Given,
    GivenAttestation,
    GivenError,
    LifecycleChange,
    Waiver,
    given,
)

TODAY = date(2026, 11, 2)
ATTESTED = {"kind": "security_review", "by": "Ana Ruiz", "date": "2026-10-01"}
WAIVED = {
    "check": "equity.groups",
    "reason": "The vendor repairs it in May",
    "approver": "Dana, CDPO",
    "link": "https://city.example/waivers/7",
    "expires": "2027-05-31",
}


def test_what_says_no_day_holds_from_today() -> None:
    assert given(GivenAttestation, TODAY, {**ATTESTED, "expires": None}).holds_from == TODAY


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(GivenError) as error:
        given(GivenAttestation, TODAY, {"kind": "security_revue", "by": " ", "date": "yesterday"})
    lines = str(error.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["by", "date", "kind"]
    assert lines[0] == "by: says nothing; write it out"
    assert lines[2].endswith("did you mean security_review?")


def test_a_waiver_may_last_52_weeks() -> None:
    last = TODAY + timedelta(weeks=52)
    assert given(Waiver, TODAY, {**WAIVED, "expires": last}).expires == last


@pytest.mark.parametrize(
    ("model", "plain", "changes", "says"),
    [
        (Waiver, WAIVED, {"expires": None}, "expires: is missing; "),
        (Waiver, WAIVED, {"expires": "2027-11-02"}, "expires: 2027-11-02 is more than 52 weeks away; "),
        (Waiver, WAIVED, {"expires": "2026-11-01"}, "expires: 2026-11-01 lies before 2026-11-02; "),
        (Waiver, WAIVED, {"reason": "later"}, "reason: must have at least 10 characters; say more"),
        (Waiver, WAIVED, {"reason": "-" * 20}, "reason: says nothing; write it out"),
        (Waiver, WAIVED, {"link": "javascript:alert(1)"}, "link: does not have the form "),
        (Waiver, WAIVED, {"approver": None}, "approver: is missing; "),
        (Waiver, WAIVED, {"holds_from": "2026-11-03"}, "holds_from: 2026-11-03 lies in the future; "),
        (GivenAttestation, ATTESTED, {"date": "2026-11-03"}, "date: 2026-11-03 lies after 2026-11-02; "),
        (GivenAttestation, ATTESTED, {"expires": "2026-09-30"}, "expires: 2026-09-30 lies before "),
        (LifecycleChange, {"by": "Ana"}, {"status": "retired"}, "reason: is missing; say why "),
        (
            BaselineProposal,
            {"days": 1, "outputs": 1, "proposed_by": "Ana"},
            {"start": "2026-02-01", "end": "2026-01-01"},
            "start: 2026-02-01 lies after the end, ",
        ),
    ],
)
def test_what_cannot_stand_is_refused(
    model: type[Given], plain: dict[str, Any], changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(GivenError) as error:
        given(model, TODAY, plain | changes)
    assert str(error.value).startswith(says)
