"""What may be published of small counts, attacked by all that is published over 26 weeks."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from attack import ATOMS, MEASURES, Attack, Person
from hypothesis import given, settings
from hypothesis import strategies as st

from sundial.stats.suppression import SMALLEST, Cell, Release, apart, merged, release, small

WEEKS = range(26)
FIRST = ("a", "b", "c", "d")
SECOND = ("x", "y")
LARGE = Cell(300, 700)
EXPLORE = os.environ.get("HYPOTHESIS_PROFILE") == "explore"
"""Whether `make test-all` looks for longer."""


class TestTables:
    def test_levels_without_a_small_count_stand_by_themselves(self) -> None:
        table = merged({"a": Cell(11, 40), "b": Cell(0, 12), "c": LARGE})
        assert table is not None
        assert [*table.shown] == ["a", "b", "c"]
        assert table.merged is None

    def test_small_levels_are_merged_until_the_row_is_large_in_both_halves(self) -> None:
        table = merged({"a": Cell(3, 40), "b": Cell(9, 30), "c": LARGE})
        assert table is not None
        assert table.shown == {"c": LARGE}
        assert table.merged == Cell(12, 70)

    def test_one_small_level_takes_the_next_smallest_with_it(self) -> None:
        table = merged({"a": Cell(3, 40), "b": Cell(50, 60), "c": LARGE})
        assert table is not None
        assert (table.shown, table.merged) == ({"c": LARGE}, Cell(53, 100))

    def test_those_of_whom_it_does_not_hold_are_counts_too(self) -> None:
        table = merged({"a": Cell(40, 3), "b": Cell(50, 60), "c": LARGE})
        assert table is not None
        assert "a" not in table.shown

    def test_a_table_that_would_say_nothing_is_not_published(self) -> None:
        assert merged({"a": Cell(3, 4), "b": Cell(4, 6)}) is None
        assert merged({"a": Cell(3, 400), "b": Cell(40, 60)}) is None, "all in one row"
        assert merged({"a": LARGE}) is None
        assert merged({}) is None

    def test_nobody_is_no_level(self) -> None:
        assert merged({"a": LARGE, "b": LARGE, "c": Cell(0, 0)}) == merged({"a": LARGE, "b": LARGE})

    @given(
        st.dictionaries(st.sampled_from("abcdef"), st.builds(Cell, st.integers(0, 40), st.integers(0, 40)))
    )
    def test_no_row_is_small_and_nobody_is_lost(self, levels: Mapping[str, Cell]) -> None:
        table = merged(levels)
        if table is not None:
            rows = [*table.shown.values(), *([table.merged] if table.merged else [])]
            assert not any(row.small for row in rows)
            assert table.total.n == sum(cell.n for cell in levels.values())


class TestReleases:
    def test_a_small_total_is_withheld(self) -> None:
        assert release(Cell(500, 4), {}) == Release(None, {}, 1)
        assert release(LARGE, {}).total == LARGE

    def test_a_table_that_tells_of_few_by_its_difference_from_the_total_is_withheld(self) -> None:
        columns = {"c": {"a": Cell(100, 200), "b": Cell(197, 200)}}
        assert release(Cell(300, 700), columns).tables == {}
        assert [*release(Cell(500, 900), columns).tables] == ["c"]

    def test_a_second_column_with_other_people_is_withheld(self) -> None:
        columns = {"one": {"a": LARGE, "b": LARGE}, "two": {"x": LARGE, "y": Cell(300, 690)}}
        assert [*release(None, columns).tables] == ["one"]

    def test_counts_of_people_who_are_not_among_each_other_tell_of_nobody(self) -> None:
        """Right results, and people who should not have been flagged: neither are among the others."""
        columns = {"c": {"a": Cell(100, 200), "b": Cell(195, 200)}}
        of = ("accuracy", "false_positive_rate")
        assert release(Cell(700, 500), columns, *of).tables, "695 and 700 are of others"
        assert not release(Cell(405, 500), columns, *of).tables, "5 true positives"
        assert not release(Cell(700, 300), columns, *of).tables, "5 people who were missed"

    def test_counts_are_apart_when_no_difference_is_small(self) -> None:
        assert apart(LARGE, LARGE, [(0, 0)]), "none at all is not small"
        assert not apart(LARGE, Cell(305, 300), [(0, 0)])
        assert not apart(Cell(305, 300), LARGE, [(0, 0)])
        assert apart(LARGE, Cell(305, 300), [(1, 1)])

    def test_what_is_not_shown_by_itself_is_counted(self) -> None:
        assert release(LARGE, {"c": {"a": Cell(3, 40), "b": Cell(9, 30), "c": Cell(60, 50)}}).withheld == 2


class TestTheAttackCanWin:
    """Each of these publications keeps every small count to itself, and gives it back all the same."""

    def test_exact_totals_give_back_a_single_suppressed_group(self) -> None:
        attack = Attack(range(1), ("a", "b", "c"), ("x",))
        for level, n in (("b", 40), ("c", 25)):
            attack.reads(attack.those(["FP"], first=[level]), n)
        attack.reads(attack.those(["FP"]), 68)
        assert attack.feasible(attack.those(["FP"], first=["a"])) == {3}

    def test_two_suppressed_groups_may_still_be_too_few(self) -> None:
        attack = Attack(range(1), ("a", "b", "c"), ("x",))
        attack.reads(attack.those(["FP"], first=["c"]), 25)
        attack.reads(attack.those(["FP"]), 27)
        for level in ("a", "b"):
            attack.reads(attack.those(["FP"], first=[level]), 1, np.inf)
        assert attack.feasible(attack.those(["FP"], first=["a"])) == {1}

    def test_a_percentage_gives_back_its_count(self) -> None:
        attack = Attack(range(1), ("a",), ("x",))
        everybody = attack.those(["FP", "TN"])
        attack.reads(everybody, 160)
        attack.reads_share(attack.those(["FP"]), everybody, 1.9)
        assert attack.feasible(attack.those(["FP"])) == {3}

    def test_overlapping_windows_give_back_a_week(self) -> None:
        attack = Attack(WEEKS, ("a",), ("x",))
        weekly = [12] * 26
        weekly[20] = 2
        for week in WEEKS:
            if weekly[week] >= SMALLEST:
                attack.reads(attack.those(["FP"], weeks=[week]), weekly[week])
            window = range(max(0, week - 12), week + 1)
            attack.reads(attack.those(["FP"], weeks=window), sum(weekly[w] for w in window))
        assert attack.feasible(attack.those(["FP"], weeks=[20])) == {2}

    def test_two_measures_of_the_same_people_give_back_their_difference(self) -> None:
        attack = Attack(range(1), ("a",), ("x",))
        attack.reads(attack.those(["FP"]), 40)
        attack.reads(attack.those(["FP", "FN"]), 43)
        assert attack.feasible(attack.those(["FN"])) == {3}

    def test_rounding_to_base_5_beside_a_rounded_total_leaves_two(self) -> None:
        """7 and 7 are rounded to 5 and 5, their total to 15: why rounding alone is not the rule."""
        attack = Attack(range(1), ("a", "b"), ("x",))
        for level in ("a", "b"):
            attack.reads(attack.those(["FP"], first=[level]), 3, 7)
        attack.reads(attack.those(["FP"]), 13, 17)
        assert attack.feasible(attack.those(["FP"], first=["a"])) == {6, 7}


Counts = Mapping[Person, int]


@dataclass(frozen=True)
class City:
    """26 weeks of people, and which of their figures are published in windows of how many weeks."""

    counts: Counts
    total: str
    harm: str
    window: int

    def cell(self, measure: str, weeks: Sequence[int], place: int | None = None, level: str = "") -> Cell:
        """The people of a measure, of all or of one level of the column at a place."""
        hits, others = (
            sum(
                n
                for one, n in self.counts.items()
                if one[0] in weeks and one[3] in atoms and (place is None or one[place] == level)
            )
            for atoms in MEASURES[measure]
        )
        return Cell(hits, others)

    @property
    def windows(self) -> list[range]:
        whole = len(WEEKS) // self.window
        return [range(n * self.window, (n + 1) * self.window) for n in range(whole)]

    def release(self, weeks: Sequence[int]) -> Release:
        columns = {
            name: {level: self.cell(self.harm, weeks, place, level) for level in levels}
            for place, (name, levels) in enumerate((("first", FIRST), ("second", SECOND)), start=1)
        }
        return release(self.cell(self.total, weeks), columns, self.total, self.harm)


@st.composite
def cities(draw: st.DrawFn) -> City:
    """Cities whose groups are large, small, empty, and of all sizes between."""
    window = draw(st.sampled_from([13, 26, 4]))
    sizes = draw(
        st.fixed_dictionaries(
            {
                (level, atom): st.sampled_from([0, 1, 2, 5, 9, 11, 14, 30, 90])
                for level, atom in itertools.product(FIRST, ATOMS)
            }
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    counts = {}
    for (level, atom), size in sizes.items():
        spread = rng.multinomial(size * len(WEEKS) // window, np.full(len(WEEKS) * 2, 1 / len(WEEKS) / 2))
        for week, (place, second) in itertools.product(WEEKS, enumerate(SECOND)):
            counts[week, level, second, atom] = int(spread[2 * week + place])
    return City(
        counts,
        draw(st.sampled_from(["accuracy", "precision", "recall", "specificity"])),
        draw(st.sampled_from(["false_positive_rate", "true_positive_rate", "selection_rate"])),
        window,
    )


def everything_published(city: City) -> tuple[Attack, list[tuple[Sequence[int], Release]]]:
    """An attacker who has read all windows of 26 weeks, as counts and as printed shares."""
    attack, released = Attack(WEEKS, FIRST, SECOND), []
    for weeks in city.windows:
        out = city.release(weeks)
        released.append((weeks, out))
        if out.total is not None:
            _reads(attack, city.total, out.total, weeks, {})
        for column, table in out.tables.items():
            left = {*(FIRST if column == "first" else SECOND)} - {*table.shown}
            for level, cell in table.shown.items():
                _reads(attack, city.harm, cell, weeks, {column: [level]})
            if table.merged is not None:
                _reads(attack, city.harm, table.merged, weeks, {column: left})
    return attack, released


def _reads(
    attack: Attack, measure: str, cell: Cell, weeks: Sequence[int], of: Mapping[str, Sequence[str]]
) -> None:
    hits, others = (attack.those(atoms, weeks=weeks, **of) for atoms in MEASURES[measure])
    attack.reads(hits, cell.hits)
    attack.reads(hits + others, cell.n)
    if cell.n:
        attack.reads_share(hits, hits + others, round(100 * cell.hits / cell.n, 1))


class TestTheAttackFails:
    @given(cities())
    @settings(max_examples=20 if EXPLORE else 6, deadline=None)
    def test_every_suppressed_cell_keeps_four_values_given_26_weeks(self, city: City) -> None:
        attack, released = everything_published(city)
        for weeks, out in released[:2]:  # windows are alike, and none knows of another
            hits, others = MEASURES[city.harm]
            for place, (column, levels) in enumerate((("first", FIRST), ("second", SECOND)), start=1):
                shown = out.tables[column].shown if column in out.tables else {}
                for level in {*levels} - {*shown}:
                    true = city.cell(city.harm, weeks, place, level)
                    for atoms, count in ((hits, true.hits), (others, true.others)):
                        if small(count):
                            of = attack.those(atoms, weeks=weeks, **{column: [level]})
                            assert len(attack.feasible(of)) == 4, (column, level, weeks)
            true = city.cell(city.total, weeks)
            if out.total is None and true.n:
                for atoms in MEASURES[city.total]:
                    assert len(attack.feasible(attack.those(atoms, weeks=weeks))) == 4

    @given(cities())
    @settings(max_examples=20 if EXPLORE else 6, deadline=None)
    def test_no_small_count_can_be_worked_out_whatever_it_is_of(self, city: City) -> None:
        """Also those that were never asked for, such as people who were wrongly let go."""
        attack, released = everything_published(city)
        for weeks, _ in released[:1]:
            for size in (1, 2):
                for atoms in itertools.combinations(ATOMS, size):
                    values = attack.feasible(attack.those(atoms, weeks=weeks), at_most=2)
                    assert len(values) > 1 or not small(next(iter(values))), atoms

    @given(st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), min_size=2, max_size=2), st.data())
    @settings(max_examples=60 if EXPLORE else 20, deadline=None)
    def test_who_knows_the_rule_itself_learns_no_more(
        self, hidden: Sequence[tuple[int, int]], data: st.DataObject
    ) -> None:
        """All tables of two merged levels that the rule would publish in the same way."""
        shown = {"c": Cell(*data.draw(st.tuples(st.integers(11, 60), st.integers(11, 60)))), "d": LARGE}
        levels = {"a": Cell(*hidden[0]), "b": Cell(*hidden[1])}
        seen = merged(levels | shown)
        if seen is None or seen.merged is None or {*seen.shown} != {*shown}:
            return
        sums = seen.merged
        possible = [
            Cell(h, o)
            for h, o in itertools.product(range(sums.hits + 1), range(sums.others + 1))
            if merged({"a": Cell(h, o), "b": Cell(sums.hits - h, sums.others - o)} | shown) == seen
        ]
        assert len({cell.hits for cell in possible}) >= 4
        assert len({cell.others for cell in possible}) >= 4

    @pytest.mark.parametrize("window", [4, 13, 26])
    def test_something_is_published(self, window: int) -> None:
        """A rule that publishes nothing would pass as well."""
        counts = {one: 2 + 3 * (one[1] == "d") for one in itertools.product(WEEKS, FIRST, SECOND, ATOMS)}
        out = City(counts, "accuracy", "false_positive_rate", window).release(range(window))
        assert out.total is not None
        assert [*out.tables] == ["first", "second"]
