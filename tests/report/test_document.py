"""The PDF: its structure as PDF/UA-1 asks for it, its bytes, and what hostile text does in it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pikepdf
import pytest
from report_examples import AS_OF, HOSTILE, finding, judged, policy, system, year

from sundial.report.document import MANY, render_pdf
from sundial.report.weekly import WeeklyReport, build
from sundial.store.cases import Cases
from sundial.store.records import Status
from sundial.store.results import Results


@pytest.fixture
def report(results: Results, cases: Cases) -> WeeklyReport:
    results.record("street-lights", year(), "run")
    return build({"street-lights": system()}, policy(), results, cases, AS_OF)


def elements(node: Any) -> Iterator[pikepdf.Dictionary]:
    """Yields the elements of the structure tree in reading order."""
    kids = node.get("/K", [])
    for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
        if isinstance(kid, pikepdf.Dictionary) and "/S" in kid:
            yield kid
            yield from elements(kid)


def tags(pdf: pikepdf.Pdf) -> list[str]:
    return [str(one["/S"]) for one in elements(pdf.Root.StructTreeRoot)]


def scope_of(head: pikepdf.Dictionary) -> Any:
    attributes = head["/A"]
    every = attributes if isinstance(attributes, pikepdf.Array) else [attributes]
    return next(one["/Scope"] for one in every if "/Scope" in one)


class TestStructure:
    @pytest.fixture
    def pdf(self, report: WeeklyReport) -> pikepdf.Pdf:
        return pikepdf.open(io.BytesIO(render_pdf(report)))

    def test_it_says_that_it_is_tagged_and_which_standard_it_follows(self, pdf: pikepdf.Pdf) -> None:
        assert bool(pdf.Root.MarkInfo.Marked)
        assert str(pdf.Root.Lang).startswith("en")
        assert bool(pdf.Root.ViewerPreferences.DisplayDocTitle)
        with pdf.open_metadata() as metadata:
            assert metadata["dc:title"] == "AI health report, week 2016-W51"
            assert metadata["pdfuaid:part"] == "1"
        assert all("/StructParents" in page for page in pdf.pages)
        assert all(page.get("/Tabs") == "/S" for page in pdf.pages if "/Annots" in page)

    def test_headings_begin_at_one_and_skip_no_level(self, pdf: pikepdf.Pdf) -> None:
        levels = [int(tag[2:]) for tag in tags(pdf) if tag[:2] == "/H" and tag[2:].isdigit()]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))

    def test_each_figure_has_its_alternative(self, pdf: pikepdf.Pdf, report: WeeklyReport) -> None:
        figures = [one for one in elements(pdf.Root.StructTreeRoot) if one["/S"] == "/Figure"]
        trend = report.systems[0].trend
        assert trend is not None
        assert [str(one["/Alt"]).replace("\xa0", " ") for one in figures] == [trend.alternative]

    def test_tables_have_header_cells_with_a_scope(self, pdf: pikepdf.Pdf) -> None:
        found = tags(pdf)
        assert found.count("/Table") == 2
        heads = [one for one in elements(pdf.Root.StructTreeRoot) if one["/S"] == "/TH"]
        assert len(heads) == 9 + 6
        assert {str(scope_of(one)) for one in heads} == {"/Column"}

    def test_fonts_are_inside_and_can_be_read_aloud(self, pdf: pikepdf.Pdf) -> None:
        fonts = [font for page in pdf.pages for font in page.Resources.Font.values()]
        assert fonts
        for font in fonts:
            assert "/ToUnicode" in font
            inner = font.DescendantFonts[0] if "/DescendantFonts" in font else font
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(inner.FontDescriptor.keys())

    def test_nothing_runs_or_is_fetched(self, pdf: pikepdf.Pdf) -> None:
        assert not {"/OpenAction", "/AA", "/AcroForm"} & set(pdf.Root.keys())
        assert "/JavaScript" not in pdf.Root.get("/Names", {})
        assert not any("/URI" in str(page.get("/Annots", "")) for page in pdf.pages)


def test_the_same_report_has_the_same_bytes(report: WeeklyReport) -> None:
    assert render_pdf(report) == render_pdf(report)


MARKUP = '#panic("x") $x$ *b* _i_ `c` @ref <label> #import "a.typ" // c \\ #eval("1")'


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param(MARKUP, '#panic("x")', id="typst"),
        pytest.param(HOSTILE, "<script>", id="html"),
        pytest.param("ab" * 5_000, "abab", id="long"),
        pytest.param("Wow 😀 👩‍🔧", "[grinningface]", id="emoji"),
        pytest.param("東京 lights", "[U+6771][U+4EAC]", id="no glyph"),
        pytest.param("Nguyễn José שלום مرحبا \u202egnp.exe", "Nguyễn José", id="scripts and directions"),
        pytest.param('the text `"Q"` could not be displayed', 'the text `"Q"`', id="as typst's own error"),
    ],
)
def test_what_people_wrote_is_text_in_every_field(
    results: Results, cases: Cases, written: str, shown: str
) -> None:
    hostile = system().model_copy(
        update={
            "name": written,
            "notice": written,
            "department": written,
            "description": written,
            "harm": system().harm and system().harm.model_copy(update={"reason": written}),  # type: ignore[union-attr]
        }
    )
    found = finding(Status.BREACH, metric="x_rate", slice=((written, written),))
    results.record("street-lights", [judged(found.week, found, finding(reason=written))], "run")
    report = build({"street-lights": hostile}, policy(city=written), results, cases, AS_OF)
    pdf = pikepdf.open(io.BytesIO(render_pdf(report)))
    assert tags(pdf).count("/H1") == 1
    said = "".join(str(item.title) for item in pdf.open_outline().root[0].children)
    assert shown.replace(" ", "") in said.replace(" ", "").replace("\u200b", "")


def test_a_large_portfolio_is_told_in_brief_and_says_so(report: WeeklyReport) -> None:
    """A mail that is too large goes to nobody; what is left out is counted."""
    (one,) = report.systems
    lines = tuple(replace(one.lines[0], subject=f"Group {n}") for n in range(6))
    full = replace(one, lines=lines)
    many = tuple(replace(full, id=f"system-{n}", name=f"System {n}") for n in range(MANY + 1))
    brief = render_pdf(replace(report, systems=many))
    whole = render_pdf(replace(report, systems=many[:MANY]))
    assert len(brief) < 0.8 * len(whole)
    rows = tags(pikepdf.open(io.BytesIO(brief))).count("/TR")
    assert rows == 1 + len(many) + len(many) * (1 + 13)
