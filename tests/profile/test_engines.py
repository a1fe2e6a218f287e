"""The same declarations give the same counts on DuckDB and on PostgreSQL, to the bit."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import ibis
import numpy as np
import pandas as pd
import sqlalchemy as sa
from ibis import _
from towns import entry

from sundial.profile.aggregates import aggregate
from sundial.profile.analysis import analysis_table
from sundial.profile.columns import Columns
from sundial.profile.compute import run
from sundial.profile.statistics import Bin, Statistic, counts, fuse, histogram
from sundial.register.models import System

COLUMNS = Columns(
    score="score",
    prediction="decision",
    categories=("group",),
    numbers=("amount",),
    cluster="person",
)
SYSTEM = System.model_validate(
    entry(
        Path("/nowhere"),
        outputs={"categories": ["group"], "numbers": [{"column": "amount", "low": -3, "high": 3}]},
        groups=None,
    )
)
PLAN = fuse(
    [
        aggregate(
            SYSTEM,
            "outputs",
            lambda t: (
                t.filter(t.group != "a")
                .mutate(large=t.amount > 1, month=t.day.month())
                .group_by("large", "month", "group")
                .agg(n=_.count(), total=_.amount.sum(), known=_.amount.count(), least=_.amount.min())
            ),
        ),
        counts("outputs", ["group", "predicted"]),
        Statistic("outputs", ("group",), ("weight",)),
        counts("outcomes", ["group", "predicted", "outcome"]),
        histogram("outputs", Bin("amount", -3, 3, 64), extremes=True),
        histogram("outcomes", Bin("score", 0, 1, 256), ["outcome"]),
    ]
)


def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(5)
    n = 4000
    days = [date(2024, 1, 1) + timedelta(days=int(day)) for day in random.integers(0, 14, n)]
    outputs = pd.DataFrame(
        {
            "key": [str(UUID(int=place)) for place in range(n)],
            "day": days,
            "counted": [day - timedelta(days=day.weekday()) for day in days],
            # Halves of a bin and of a sum's unit, where engines round in different ways.
            "score": np.where(random.random(n) < 0.5, random.integers(0, 2**31, n) / 2**31, 0.5),
            "decision": random.integers(0, 2, n),
            "amount": random.choice([np.nan, np.inf, -np.inf, -0.0, 1.5, *random.normal(size=50)], n),
            "group": random.choice(np.array(["a", "B", "Ä", "", None], dtype=object), n),
            "person": random.choice(np.array([*map(str, range(500)), None], dtype=object), n),
        }
    )
    known = outputs.sample(frac=0.8, random_state=1)[["key", "day", "counted"]].assign(batch="1")
    known["outcome"] = random.integers(0, 3, len(known))
    again = known.sample(frac=0.2, random_state=2).assign(batch="2", outcome=1)
    return outputs, pd.concat([known, again], ignore_index=True)


def test_duckdb_and_postgresql_agree_to_the_bit(postgres_database: str) -> None:
    outputs, outcomes = frames()
    url = sa.make_url(postgres_database)
    duckdb = ibis.duckdb.connect()
    postgres = ibis.postgres.connect(
        user=url.username, password=url.password, host=url.host, port=url.port, database=url.database
    )
    found = []
    for connection in (duckdb, postgres):
        tables = [
            connection.create_table(name, ibis.memtable(frame), temp=True)
            for name, frame in (("accepted_outputs", outputs), ("accepted_outcomes", outcomes))
        ]
        found.append(run(connection, analysis_table(tables[0], tables[1], COLUMNS), PLAN))
    ours, theirs = found
    for statistic in PLAN:
        assert len(ours[statistic])
        pd.testing.assert_frame_equal(ours[statistic].frame(), theirs[statistic].frame(), check_exact=True)
    postgres.disconnect()
