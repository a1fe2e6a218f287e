"""The answers that a register entry must give about prohibited uses, for entries that tests make."""

from __future__ import annotations

from typing import Any

PROHIBITED_USES: dict[str, Any] = {
    "biometric_identification": False,
    "emotion_analysis": False,
    "automated_decisions": False,
    "employment_decisions": False,
    "social_scoring": False,
    "behavioral_manipulation": False,
    "answered_by": "Test",
    "answered_on": "2014-01-01",
}
