"""Charts as SVG: made by Vega from the wheel, without a browser, a script or anything from elsewhere."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sundial.report.plain import figure
from sundial.report.trend import Trend
from sundial.store.records import Status

BLUE, GREY, RED, INK = "#0b4f9e", "#4b535d", "#b3261e", "#1b1f24"
FONT = "Libertinus Serif, system-ui, sans-serif"
"""The PDF has the first of them, the page one of the others."""
_SIZE = (560, 190)
_NAMES = re.compile(r'\bid="([^"]+)"')
_KEPT = 512


@lru_cache(maxsize=_KEPT)
def picture(trend: Trend) -> str:
    """Returns estimate, interval and target by week as an SVG picture; the same trend, the same bytes.

    A confirmed breach is a red square, every other week a blue dot. Empty where fewer than two weeks have an
    estimate: a point is no trend.
    """
    import vl_convert

    if len(trend.measured) < 2:
        return ""
    percent = figure(trend.metric, 0.0).endswith("%")
    chart = _chart(f"{trend.title}{', %' if percent else ''}")
    source, *derived = chart["data"]
    filled = {**chart, "data": [{**source, "values": _rows(trend, 100 if percent else 1)}, *derived]}
    return str(vl_convert.vega_to_svg(filled))


@lru_cache
def _chart(title: str) -> Mapping[str, Any]:
    """Returns the Vega specification of a trend, the first of its data sets empty: made once for many."""
    import altair as alt
    import vl_convert

    base = alt.Chart(alt.InlineData(values=[]))
    week = alt.X("week:T", title=None, axis=alt.Axis(format="%b %Y", labelAngle=0, tickCount=6, grid=False))
    value = alt.Y(
        "estimate:Q",
        title=title,
        scale=alt.Scale(zero=False, nice=True, padding=8),
        axis=alt.Axis(tickCount=5),
    )
    band = base.mark_area(opacity=0.18, color=BLUE).encode(x=week, y="low:Q", y2="high:Q")
    line = base.mark_line(color=BLUE, strokeWidth=1.5).encode(x=week, y=value)
    points = base.mark_point(filled=True, opacity=1).encode(
        x=week,
        y=value,
        shape=alt.condition("datum.breach", alt.value("square"), alt.value("circle")),
        size=alt.condition("datum.breach", alt.value(34), alt.value(16)),
        color=alt.condition("datum.breach", alt.value(RED), alt.value(BLUE)),
    )
    limit = base.mark_line(strokeDash=[6, 4], color=GREY, strokeWidth=1.5).encode(x=week, y="threshold:Q")
    chart = (band + limit + line + points).properties(
        width=_SIZE[0], height=_SIZE[1], background="transparent"
    )
    style = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelColor": INK}
    made = chart.configure(font=FONT).configure_axis(**style, titleColor=INK, gridColor="#e3e6ea")
    specification = {**made.configure_view(stroke=None).to_dict(), "data": {"values": []}}
    return dict(vl_convert.vegalite_to_vega(specification))


def named(svg: str, prefix: str) -> str:
    """Returns a picture whose ids begin with a prefix, so that several fit into one page."""
    names = set(_NAMES.findall(svg))
    for name in sorted(names, key=len, reverse=True):
        svg = svg.replace(f'id="{name}"', f'id="{prefix}-{name}"')
        svg = svg.replace(f"url(#{name})", f"url(#{prefix}-{name})")
    return svg


def _rows(trend: Trend, of: int) -> list[dict[str, Any]]:
    """Returns the weeks as the chart's data, in the unit of its axis."""

    def shown(value: float | None) -> float | None:
        return None if value is None or not math.isfinite(value) else round(value * of, 6)

    return [
        {
            "week": point.week.isoformat(),
            "estimate": shown(point.estimate),
            "low": shown(point.low),
            "high": shown(point.high),
            "threshold": shown(point.threshold),
            "breach": point.status is Status.BREACH,
        }
        for point in trend.measured
    ]
