"""Loading the register: what comes out, what it costs, and that a wrong file raises RegisterError only."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sundial.register import document
from sundial.register.load import (
    config_hash,
    load_policy,
    load_register,
    load_system,
    located,
    unknown_checks,
)
from sundial.register.problems import Problem, RegisterError

YAML_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


def _write(folder: Path, text: str, name: str = "street-lights.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def _problems(path: Path) -> tuple[Problem, ...]:
    try:
        load_system(path)
    except RegisterError as error:
        return error.problems
    return ()


def test_valid_entry_loads_with_its_dates_numbers_and_sources(entry: str, tmp_path: Path) -> None:
    system = load_system(_write(tmp_path, entry))

    assert system.intended_outcome.approved_on == date(2026, 1, 31)
    assert system.feeds.outputs is not None
    assert system.feeds.outputs.source.kind == "files"
    assert system.feeds.outputs.contract[0].args == {"column": "report_id"}
    assert system.checks == ("accuracy", "parity")


def test_texts_of_outputs_load_with_what_does_not_count(entry: str, tmp_path: Path) -> None:
    text = (
        "{column: answer, allowed: [ip], phones: [+1 408 535 3500, 408-535-3500], email_domains: [city.gov]}"
    )
    named = entry.replace(
        "    contract:", f"    text: {text}\n    explanation: why\n    marked: ai\n    contract:"
    )

    outputs = load_system(_write(tmp_path, named)).feeds.outputs

    assert outputs is not None
    assert outputs.text is not None
    assert outputs.text.allowed == ("ip",)
    assert outputs.text.phones == ("+1 408 535 3500", "408-535-3500")
    assert outputs.texts == {"text.column": "answer", "explanation": "why"}
    assert "ai" in outputs.own_columns
    assert {"answer", "why"}.isdisjoint(outputs.own_columns)


def test_systems_come_in_the_order_of_their_ids(entry: str, tmp_path: Path) -> None:
    for name in ("b-lights", "a-lights", "a1-lights"):
        _write(tmp_path, entry.replace("id: street-lights", f"id: {name}"), f"{name}.yaml")

    register = load_register(tmp_path)

    assert list(register.systems) == ["a-lights", "a1-lights", "b-lights"]
    assert not register.errors


def test_register_without_a_folder_is_an_error_and_not_an_empty_city(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match=r"nowhere: cannot be read: No such file"):
        load_register(tmp_path / "nowhere")


def test_all_problems_of_a_file_come_at_once_in_its_order_one_a_line(entry: str, tmp_path: Path) -> None:
    wrong = (
        entry.replace("tier: service", "tier: servce")
        .replace("2026-01-31", "31.1.2026")
        .replace("maturity_days", "maturity_day")
        .replace("name: Street light triage", "name: Street light triage\nname: Lights")
    )
    path = _write(tmp_path, wrong)

    with pytest.raises(RegisterError) as caught:
        load_system(path)

    lines = str(caught.value).splitlines()
    assert lines[0] == f"{path}:4: name: is given twice, first on line 3; keep one of the two"
    assert [line.removeprefix(f"{path}:").split(": ")[:2] for line in lines[1:]] == [
        ["15", "intended_outcome.approved_on"],
        ["16", "intended_outcome.reviewed"],
        ["17", "risk.tier"],
        ["35", "feeds.outcomes.maturity_days"],
        ["39", "feeds.outcomes.maturity_day"],
    ]


def test_errors_survive_the_way_between_processes(tmp_path: Path) -> None:
    with pytest.raises(RegisterError) as caught:
        load_system(_write(tmp_path, "id: x"))

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301


def test_errors_do_not_repeat_values_of_the_file(entry: str, tmp_path: Path) -> None:
    secret = "hunter2-hunter2"
    for old in (
        "0.8",
        "[district]",
        "14",
        "2026-01-31",
        "files",
        "precision",
        "{column: report_id}",
        "service",
    ):
        with pytest.raises(RegisterError) as caught:
            load_system(_write(tmp_path, entry.replace(old, secret, 1)))
        assert secret not in str(caught.value)


def test_anchors_and_merges_are_allowed_and_own_fields_win(entry: str, tmp_path: Path) -> None:
    merged = entry.replace("risk: {", "risk: &risk {").replace(
        "groups:\n",
        "fact_sheet: &sheet {by: Ana, date: 2026-01-31}\nai_review: {<<: *sheet, by: Bo}\ngroups:\n",
    )

    system = load_system(_write(tmp_path, merged))

    assert system.ai_review is not None
    assert (system.ai_review.by, system.ai_review.date) == ("Bo", date(2026, 1, 31))


def test_problem_in_a_merged_field_is_told_at_the_line_that_holds_it(entry: str, tmp_path: Path) -> None:
    merged = entry + "fact_sheet: &sheet\n  by: Ana\n  date: soon\nai_review: {<<: *sheet}\n"

    with pytest.raises(RegisterError) as caught:
        load_system(_write(tmp_path, merged))

    assert [(p.line, p.field) for p in caught.value.problems] == [
        (53, "ai_review.date"),
        (53, "fact_sheet.date"),
    ]


def test_files_read_the_same_without_libyaml(
    entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(tmp_path, entry)
    with_libyaml = load_system(path)

    monkeypatch.setattr(document, "_Loader", yaml.SafeLoader)

    assert load_system(path) == with_libyaml
    with pytest.raises(RegisterError, match="deeper than 40 levels"):
        load_system(_write(tmp_path, f"a: {'[' * 5_000}"))
    with pytest.raises(RegisterError, match="a tab indents this line"):
        load_system(_write(tmp_path, "a:\n\tb: 1\n"))


def test_policy_loads_and_its_problems_are_told_by_line(policy_text: str, tmp_path: Path) -> None:
    policy = load_policy(_write(tmp_path, policy_text, "policy.yaml"))
    assert policy.thresholds["parity"].value == 0.8

    wrong = policy_text.replace("  cio: {users: [cio]}", "  ceo: {users: []}").replace(
        "equity, ", "equality, "
    )
    with pytest.raises(RegisterError) as caught:
        load_policy(_write(tmp_path, wrong, "policy.yaml"))

    told = {(p.line, p.field): f"{p.message}; {p.remedy}" for p in caught.value.problems}
    assert "did you mean equity?" in told[3, "principles[2]"]
    assert "must be cio, cdpo" in told[6, "roles.ceo"]
    assert "at least 1 item" in told[6, "roles.ceo.users"]


def test_policy_without_deciders_is_refused_at_its_roles(policy_text: str, tmp_path: Path) -> None:
    wrong = policy_text.replace("  cio: {users: [cio]}\n", "")

    with pytest.raises(RegisterError, match=r":5: roles: \['cio'\] missing; nobody could decide"):
        load_policy(_write(tmp_path, wrong, "policy.yaml"))


def test_configuration_hash_is_of_the_meaning_and_not_of_the_layout(
    entry: str, policy_text: str, tmp_path: Path
) -> None:
    policy = load_policy(_write(tmp_path, policy_text, "policy.yaml"))
    system = load_system(_write(tmp_path, entry))
    first, *rest = entry.splitlines(keepends=True)
    other_layout = first + "".join(rest[3:4] + rest[:3] + rest[4:]) + "schedule: daily  # the default\n"
    same = load_system(_write(tmp_path, other_layout))
    other = load_system(_write(tmp_path, entry.replace("target: 0.8", "target: 0.9")))
    stricter = load_policy(_write(tmp_path, policy_text.replace("value: 0.8", "value: 0.9"), "policy.yaml"))

    assert len(config_hash(system, policy)) == 64
    assert config_hash(same, policy) == config_hash(system, policy)
    assert config_hash(other, policy) != config_hash(system, policy)
    assert config_hash(system, stricter) != config_hash(system, policy)


def test_names_of_checks_that_nobody_wrote_are_found(entry: str, policy_text: str, tmp_path: Path) -> None:
    system = load_system(_write(tmp_path, entry))
    policy = load_policy(_write(tmp_path, policy_text, "policy.yaml"))

    assert unknown_checks(system, {"accuracy", "parity"}) == unknown_checks(policy, {"parity"}) == []
    for written, name in ((system, "street-lights.yaml"), (policy, "policy.yaml")):
        told = str(located(tmp_path / name, unknown_checks(written, {"accuracy", "disparity"})))
        place = "41: checks[1]" if written is system else "21: sunset[0].when.check"
        assert told == f"{tmp_path / name}:{place}: no check is called parity; did you mean disparity?"


# The files take 0.1 s where this was written; the bound allows for a slower and busier machine.
def test_two_hundred_systems_load_within_six_tenths_of_a_second_of_cpu(entry: str, tmp_path: Path) -> None:
    for number in range(200):
        name = f"system-{number}"
        _write(tmp_path, entry.replace("id: street-lights", f"id: {name}"), f"{name}.yaml")

    took = []
    for _ in range(3):
        start = time.process_time()
        register = load_register(tmp_path)
        took.append(time.process_time() - start)

    assert len(register.systems) == 200
    assert min(took) < 0.6, "the least of three: others share this machine"


def test_loading_needs_no_heavy_library() -> None:
    heavy = {"airflow", "duckdb", "great_expectations", "ibis", "numpy", "pandas", "pyarrow", "sqlalchemy"}
    program = "import sys, sundial.register.load; print(*{name.split('.')[0] for name in sys.modules})"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert not heavy & set(loaded.stdout.split())


PIECES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["\n", "  ", "\t", "- ", ": ", "[", "]", "{", "}", "&a ", "*a", "<<: ", "!!binary ", "!!set ", "? ",
         "|", ">", "'", '"', "#", "%", "---\n", "null", "yes", ".nan", "1e999", "0x", "1:30", "2026-13-45",
         "9" * 400, "\ufeff", "\x00", '"\\ud800"', "id: ", "with: ", "source: ", "kind: http\n"]
    ),
)  # fmt: skip


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_a_valid_entry_raises_anything_but_a_register_error(
    entry: str, tmp_path: Path, data: st.DataObject
) -> None:
    text = entry
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        stop = min(len(text), start + data.draw(st.integers(0, 30)))
        text = text[:start] + data.draw(PIECES) + text[stop:]
    path = tmp_path / "street-lights.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    problems = _problems(path)

    assert all(problem.message and problem.remedy for problem in problems)
    assert all(0 <= problem.line <= text.count("\n") + 2 for problem in problems)
