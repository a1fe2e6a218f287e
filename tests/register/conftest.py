"""One valid entry and one valid policy, as text: tests change a line of them and see what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

ENTRY = """\
# yaml-language-server: $schema=system.schema.json
id: street-lights
name: Street light triage
description: Ranks reports of broken street lights.
department: Transportation
owner:
  name: Ana Ruiz
  email: ana.ruiz@city.gov
intended_outcome:
  statement: Reports ranked urgent are urgent.
  metric: precision
  target: 0.8
  approved_by: Ana Ruiz
  approved_on: 2026-01-31
  reviewed: 2026-01-31
risk: {tier: service, decides: The order of repairs}
timezone: America/Los_Angeles
feeds:
  outputs:
    source:
      kind: files
      url: data/outputs/*.parquet
      format: parquet
    key: report_id
    date: ranked_on
    score:
      column: urgency
      low: 0
      high: 1
      positive_at: 0.7
    contract:
      - type: expect_column_values_to_not_be_null
        with: {column: report_id}
  outcomes:
    source: {kind: sql, connection: workorders, table: lights.findings}
    key: report_id
    outcome: was_urgent
    maturity_days: 14
groups:
  columns: [district]
checks: [accuracy, parity]
prohibited_uses:
  biometric_identification: no
  emotion_analysis: no
  automated_decisions: no
  employment_decisions: no
  social_scoring: no
  behavioral_manipulation: no
  answered_by: Ana Ruiz
  answered_on: 2026-02-01
"""

POLICY = """\
city: Exampleville
timezone: America/Los_Angeles
principles: [effectiveness, transparency, equity, accountability, human_centered_design, privacy,
             security_and_safety, workforce_empowerment]
roles:
  cio: {users: [cio]}
  cdpo: {users: [cdpo], email: [cdpo@city.gov]}
thresholds:
  parity: {value: 0.8, meaning: Least ratio of rates., approved_by: CDPO, approved_on: 2026-01-31}
terms:
  ai_review: {limit_days: 365, grace_days: 90, meaning: Yearly., approved_by: CDPO, approved_on: 2026-01-31}
evidence:
  weeks_between_false_breaches: 100
  stream_weight: 0.01
  years_between_false_recommendations: 20
  approved_by: CIO
  approved_on: 2026-01-31
sunset:
  - id: harm_to_a_group
    sentence: The system harms a group.
    when: {kind: evidence, check: parity, metric: harm}
    approved_by: CIO
    approved_on: 2026-01-31
sunset_terms: {remind_days: 7, escalate_days: 14, silent_days: 7, stage_days: 7, closing: [],
               approved_by: CIO, approved_on: 2026-01-31}
incident_terms: {hours: 24, warn_hours_before: 4, approved_by: CIO, approved_on: 2026-01-31}
"""


@pytest.fixture
def entry() -> str:
    return ENTRY


@pytest.fixture
def policy_text() -> str:
    return POLICY


@pytest.fixture
def systems(tmp_path: Path) -> Path:
    """A folder of the register with one valid system in it, `good-system`."""
    folder = tmp_path / "systems"
    folder.mkdir()
    (folder / "good-system.yaml").write_text(ENTRY.replace("id: street-lights", "id: good-system"), "utf-8")
    return folder
