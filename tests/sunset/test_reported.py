"""What the rule on incidents counts, from the store."""

from __future__ import annotations

from datetime import date

from store_examples import record_incident
from sunset_examples import AS_OF

from sundial.store.database import Database
from sundial.store.incidents import Incidents as Stored
from sundial.sunset.conditions import Incidents
from sundial.sunset.reported import reported


def test_incidents_of_a_system_count_on_the_city_s_day_of_their_report(database: Database) -> None:
    record_incident(database)
    (incident,) = Stored(database).incidents()
    day = incident.reported_at.date()
    found = reported(database, str(incident.system), "UTC")
    assert found(day, day) == Incidents(1, int(incident.grave), (incident.id,))
    assert found(date.min, date.fromordinal(day.toordinal() - 1)) == Incidents(0, 0)
    assert reported(database, "another-system", "UTC")(date.min, AS_OF) == Incidents(0, 0)
