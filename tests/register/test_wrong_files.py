"""Every kind of wrong file: which line and field is named, with what remedy; other systems still load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from sundial.register.load import load_register


@dataclass(frozen=True)
class Case:
    """A change of the valid entry, and what must be said about it."""

    name: str
    old: str
    new: str
    line: int
    field: str
    message: str
    remedy: str


BOMB = "\n".join(
    ["z0: &z0 [a, a]", *(f"z{n}: &z{n} [{', '.join([f'*z{n - 1}'] * 9)}]" for n in range(1, 9)), ""]
)

CASES = [
    # The text is no YAML
    Case("malformed YAML", "name: Street", "name: [Street", 3,
         "", "no YAML from column", "close the list with ]"),
    Case("colon in a text", "Ranks reports", "Ranks: reports", 4, "", "mapping values", "in quotes"),
    Case("open quote", "name: Street", "name: 'Street", 3, "", "unexpected end", "close the quote"),
    Case("tab indentation", "  low: 0", "\tlow: 0", 28, "", "a tab indents", "with spaces"),
    Case("undefined alias", "0.8", "*target", 12, "", "undefined alias", "define the anchor"),
    Case("second document", "groups:", "---\ngroups:", 39, "", "another document", "one entry in a file"),
    Case("control character", "Ana Ruiz\n  email", "Ana\x07Ruiz\n  email", 7,
         "", "control character", "remove"),
    Case("alias bomb", "groups:\n", f"{BOMB}groups:\n", 42,
         "", "more than 20,000 values", "instead of aliases"),
    Case("alias in its own anchor", "[district]", "&a [*a]", 40,
         "", "deeper than 40", "within its own anchor"),
    Case("deep nesting", "[district]", "[" * 100_000, 40, "", "deeper than 40", "write the values out"),
    Case("very many values", "[district]", f"[{'a, ' * 50_000}]", 40, "", "more than 20,000", "and fewer"),
    # YAML allows it, the register does not
    Case("duplicate key", "  target: 0.8", "  target: 0.8\n  target: 0.1", 13,
         "intended_outcome.target", "twice, first on line 12", "keep one"),
    Case("field named by a truth value", "timezone:", "yes:", 17, "yes", "is no text", "in quotes"),
    Case("Python tag", "name: Street", "name: !!python/object:os.system Street", 3,
         "name", "tag", "remove the tag"),
    Case("infinite number", "high: 1", "high: .inf", 29,
         "feeds.outputs.score.high", "not a finite", "leave out"),
    Case("number that is none, as text", "low: 0", "low: nan", 28,
         "feeds.outputs.score.low", "finite", "a number"),
    # Fields and values
    Case("unknown field", "maturity_days", "maturity_day", 38,
         "feeds.outcomes.maturity_day", "not a field here", "did you mean maturity_days?"),
    Case("unknown field like no other", "timezone:", "qqq:", 17,
         "qqq", "not a field here", "use one of id, name,"),
    Case("unprintable field", "timezone:", '"\\e[2J\\nok":', 17,
         r"'\x1b[2J\nok'", "not a field here", "use one of"),
    Case("unknown field of a source", "      url:", "      ulr:", 22,
         "feeds.outputs.source.ulr", "not a field here", "did you mean url?"),
    Case("missing field", "    maturity_days: 14\n", "", 34,
         "feeds.outcomes.maturity_days", "is missing", "add it, such as maturity_days: 1"),
    Case("missing part", "risk: {tier: service, decides: The order of repairs}\n", "", 1,
         "risk", "is missing", "add it, such as risk: {tier: rights, decides: TEXT}"),
    Case("missing field under its alias", "        with: {column: report_id}\n", "", 32,
         "feeds.outputs.contract[0].with", "is missing", "add it"),
    Case("empty field", "Transportation", "", 5, "department", "is empty, must be text", "give it a value"),
    Case("wrong type: text", "key: report_id\n    date", "key: no\n    date", 24,
         "feeds.outputs.key", "must be text, not true or false", "in quotes"),
    Case("wrong type: number", "low: 0", "low: none at all", 28,
         "feeds.outputs.score.low", "must be a number", "digits"),
    Case("wrong type: whole number", "maturity_days: 14", "maturity_days: 1.5", 38,
         "feeds.outcomes.maturity_days", "must be a whole number", "digits only"),
    Case("wrong type: list", "[district]", "district", 40, "groups.columns", "must be a list", "[a, b]"),
    Case("wrong type: mapping", "{tier: service, decides: The order of repairs}", "high", 16,
         "risk", "must be a mapping of fields", "indented"),
    Case("wrong type in a list", "[accuracy, parity]", "\n  - accuracy\n  - 3", 43,
         "checks[1]", "must be text, not a number", "in quotes"),
    Case("neither of two types", "[accuracy, parity]", "some", 41,
         "checks", "must be a list, or must be all", "[a, b]"),
    Case("wrong enum", "tier: service", "tier: servce", 16,
         "risk.tier", "must be rights, safety, service or internal", "did you mean service?"),
    Case("wrong enum like no other", "metric: precision", "metric: zzz", 11,
         "intended_outcome.metric", "must be accuracy, precision", "use one of these"),
    Case("unknown kind of source", "kind: sql", "kind: sqll", 35,
         "feeds.outcomes.source.kind", "must be one of files, sql, http", "did you mean sql?"),
    Case("no kind of source", "kind: sql, ", "", 35,
         "feeds.outcomes.source.kind", "is missing", "kind: files"),
    Case("bad date", "reviewed: 2026-01-31", "reviewed: 2026-02-30", 15,
         "intended_outcome.reviewed", "must be a date", "YYYY-MM-DD"),
    Case("date in words", "reviewed: 2026-01-31", "reviewed: last week", 15,
         "intended_outcome.reviewed", "must be a date", "YYYY-MM-DD"),
    Case("unknown time zone", "Los_Angeles", "Los_Angelos", 17, "timezone", "no such time zone", "IANA name"),
    Case("time zone that is a folder", "America/Los_Angeles", "America", 17,
         "timezone", "no such time zone", "IANA"),
    Case("number out of bounds", "target: 0.8", "target: 80", 12,
         "intended_outcome.target", "must be below 1", "smaller"),
    Case("target that nothing can exceed", "target: 0.8", "target: 1", 12,
         "intended_outcome.target", "must be below 1", "smaller"),
    Case("target that nothing can miss", "target: 0.8", "target: 0", 12,
         "intended_outcome.target", "must be above 0", "larger"),
    Case("every output would be positive", "positive_at: 0.7", "positive_at: 0", 30,
         "feeds.outputs.score.positive_at", "must be above low (0.0) and at most high (1.0)",
         "every output would be positive"),
    Case("no output would be positive", "positive_at: 0.7", "positive_at: 70", 30,
         "feeds.outputs.score.positive_at", "must be above low (0.0) and at most high (1.0)",
         "every output would be positive"),
    Case("maturity of a thousand years", "maturity_days: 14", "maturity_days: 365000", 38,
         "feeds.outcomes.maturity_days", "at most 36600", "smaller"),
    Case("text too short", "name: Street light triage", "name: St", 3,
         "name", "at least 3 characters", "say more"),
    Case("empty list", "[district]", "[]", 40, "groups.columns", "at least 1 item", "leave the field out"),
    Case("no e-mail address", "ana.ruiz@city.gov", "ana", 8,
         "owner.email", "form", "write it like name@city.gov"),
    Case("a rule of two fields", "high: 1", "high: -1", 28,
         "feeds.outputs.score.low", "must be below high", "docs/register.md"),
    Case("a rule about a missing field", "      positive_at: 0.7\n", "", 19,
         "feeds.outputs", "give prediction: COLUMN, or score.positive_at", "docs/register.md"),
    Case("a group by the name of the truth", "[district]", "[outcome]", 40,
         "groups.columns", "outcome is the name of a column that Sundial makes", "such as source_outcome"),
    Case("a group by the name of a decision in large letters", "[district]", "[Predicted]", 40,
         "groups.columns", "Predicted is the name of a column that Sundial makes", "source_Predicted"),
    Case("two columns that only their letters tell apart", "[district]", "[district, District]", 40,
         "groups.columns", "District and district differ in large and small letters only", "another name"),
    Case("a category by the name of a weight", "    contract:", "    categories: [weight]\n    contract:", 31,
         "feeds.outputs.categories", "weight is the name of a column", "such as source_weight"),
    Case("a number by the name of another column", "    contract:",
         "    numbers: [{column: score, low: 0, high: 9}]\n    contract:", 31,
         "feeds.outputs.numbers", "score is the name of a column", "such as source_score"),
    Case("a group that is a number already", "    contract:",
         "    numbers: [{column: district, low: 0, high: 9}]\n    contract:", 41,
         "groups.columns", "district is one of feeds.outputs.numbers already", "district_band"),
    Case("a text that is a category, too", "    contract:",
         "    text: {column: answer}\n    categories: [answer]\n    contract:", 31,
         "feeds.outputs.text.column", "answer is named elsewhere", "a column of its own"),
    Case("a text that groups are named by", "    contract:", "    explanation: district\n    contract:", 31,
         "feeds.outputs.explanation", "district is named elsewhere", "a column of its own"),
    Case("a text that the contract speaks of", "    contract:",
         "    explanation: report_id\n    contract:", 31,
         "feeds.outputs.explanation", "report_id is named elsewhere", "a column of its own"),
    Case("a text that is its own explanation", "    contract:",
         "    text: {column: answer}\n    explanation: answer\n    contract:", 31,
         "feeds.outputs.text.column", "answer is named elsewhere", "a column of its own"),
    Case("a kind of personal data that nobody looks for", "    contract:",
         "    text: {column: answer, allowed: [phones]}\n    contract:", 31,
         "feeds.outputs.text.allowed[0]", "must be card, email", "did you mean phone?"),
    Case("a published phone number without its area", "    contract:",
         "    text: {column: answer, phones: [535-3500]}\n    contract:", 31,
         "feeds.outputs.text.phones[0]", "is no whole phone number", "write its ten digits"),
    Case("an address in place of a domain", "    contract:",
         "    text: {column: answer, email_domains: [ana@city.gov]}\n    contract:", 31,
         "feeds.outputs.text.email_domains[0]", "is no domain", "such as city.gov"),
    Case("a category by the name of a text's kinds", "    contract:",
         "    categories: [pii_kinds]\n    contract:", 31,
         "feeds.outputs.categories", "pii_kinds is the name of a column", "such as source_pii_kinds"),
    Case("credentials in an address", "data/outputs/*.parquet", "s3://key:secret@b/k", 22,
         "feeds.outputs.source.url", "must not hold credentials", "put them into a connection"),
    # The file's name
    Case("wrong file name", "id: street-lights", "id: street-lamps", 2,
         "id", "does not match the file's name", "rename the file to street-lamps.yaml"),
    Case("duplicate id", "id: street-lights", "id: good-system", 2,
         "id", "is the id of good-system.yaml, too", "an id of its own"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_wrong_entry_is_told_with_line_field_and_remedy_and_stops_only_itself(
    case: Case, entry: str, systems: Path
) -> None:
    assert case.old in entry, "the case changes nothing"
    path = systems / "street-lights.yaml"
    path.write_text(entry.replace(case.old, case.new, 1), "utf-8")

    register = load_register(systems)

    assert list(register.systems) == ["good-system"]
    problems = register.errors[path].problems
    matching = [p for p in problems if p.field == case.field and case.message in p.message]
    assert matching, [str(p) for p in problems]
    assert matching[0].line == case.line
    assert case.remedy in matching[0].remedy


@pytest.mark.parametrize(
    ("raw", "line", "message", "remedy"),
    [
        pytest.param(b"", 1, "is empty", "docs/register.md", id="empty file"),
        pytest.param(b"# nothing yet\n", 1, "is empty", "docs/register.md", id="only a comment"),
        pytest.param(b"\n- id: a\n", 2, "must be a mapping", "field: value", id="a list at the top"),
        pytest.param(b"just text", 1, "must be a mapping", "field: value", id="a text at the top"),
        pytest.param(b"id: a\nname: Caf\xe9\n", 2, "not UTF-8", "save the file as UTF-8", id="not UTF-8"),
        pytest.param(b"a: '" + b"x" * 1_000_000 + b"'", 0, "larger than", "no data", id="too large"),
    ],
)
def test_wrong_file_as_a_whole(raw: bytes, line: int, message: str, remedy: str, systems: Path) -> None:
    path = systems / "street-lights.yaml"
    path.write_bytes(raw)

    register = load_register(systems)

    assert list(register.systems) == ["good-system"]
    (problem,) = register.errors[path].problems
    assert (problem.line, problem.field) == (line, "")
    assert message in problem.message
    assert remedy in problem.remedy


def test_what_is_no_file_and_what_has_another_ending_is_told_too(entry: str, systems: Path) -> None:
    (systems / "folder.yaml").mkdir()
    (systems / "gone.yaml").symlink_to(systems / "nowhere")
    (systems / "street-lights.yml").write_text(entry, "utf-8")
    (systems / ".#street-lights.yaml").write_text("an editor's lock", "utf-8")

    errors = {path.name: str(error) for path, error in load_register(systems).errors.items()}

    assert list(errors) == ["folder.yaml", "gone.yaml", "street-lights.yml"]
    assert "is not a regular file" in errors["folder.yaml"]
    assert "cannot be read: No such file or directory" in errors["gone.yaml"]
    assert "rename the file to street-lights.yaml" in errors["street-lights.yml"]
