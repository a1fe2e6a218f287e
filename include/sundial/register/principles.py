"""The eight guiding principles of the City's AI policy, in its order."""

from __future__ import annotations

from enum import StrEnum


class Principle(StrEnum):
    """A guiding principle; the value is its id in YAML, tasks and the store."""

    EFFECTIVENESS = "effectiveness"
    TRANSPARENCY = "transparency"
    EQUITY = "equity"
    ACCOUNTABILITY = "accountability"
    HUMAN_CENTERED_DESIGN = "human_centered_design"
    PRIVACY = "privacy"
    SECURITY_AND_SAFETY = "security_and_safety"
    WORKFORCE_EMPOWERMENT = "workforce_empowerment"

    @property
    def label(self) -> str:
        """The name as the policy writes it."""
        return _TITLES[self]


_TITLES = {
    Principle.EFFECTIVENESS: "Effectiveness",
    Principle.TRANSPARENCY: "Transparency",
    Principle.EQUITY: "Equity",
    Principle.ACCOUNTABILITY: "Accountability",
    Principle.HUMAN_CENTERED_DESIGN: "Human-Centered Design",
    Principle.PRIVACY: "Privacy",
    Principle.SECURITY_AND_SAFETY: "Security & Safety",
    Principle.WORKFORCE_EMPOWERMENT: "Workforce Empowerment",
}
