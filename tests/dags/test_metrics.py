"""What dashboards are told, taken by real receivers of StatsD and OpenTelemetry."""

from __future__ import annotations

import atexit
import socket
import threading
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

import pytest
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics.stats_utils import get_stats_factory
from report_examples import finding
from small_city import City
from small_system import DATES, ID, run_of
from store_examples import judged

from sundial.airflow import metrics
from sundial.airflow.metrics import Gauge, tell
from sundial.engine.clock import monday
from sundial.store.database import Database
from sundial.store.records import Status
from sundial.store.results import Results


class Statsd:
    """Takes what StatsD's clients send by UDP."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(2)
        self.port = self._socket.getsockname()[1]

    def gauges(self) -> Mapping[str, str]:
        """Returns the value of each gauge that has come, by its whole name."""
        tell(lambda: [Gauge("last", 1)])
        found: dict[str, str] = {}
        while "airflow.sundial.last" not in found:
            name, _, value = self._socket.recv(65535).decode().rpartition(":")
            if name.startswith("airflow.sundial."):  # Airflow tells of its own, too
                assert value.endswith("|g")
                found[name] = value.removesuffix("|g")
        return {name: value for name, value in found.items() if name != "airflow.sundial.last"}


def use(monkeypatch: pytest.MonkeyPatch, **options: str) -> None:
    """Configures Airflow's metrics, and begins with them as Airflow does in the process of a task."""
    for name, value in options.items():
        monkeypatch.setenv(f"AIRFLOW__METRICS__{name.upper()}", value)
    stats.initialize(factory=get_stats_factory(), export_legacy_names=True)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    stats.initialize(factory=get_stats_factory(), export_legacy_names=True)


@pytest.fixture
def statsd(monkeypatch: pytest.MonkeyPatch) -> Statsd:
    pytest.importorskip("statsd", reason="Airflow sends to StatsD where the package statsd is installed")
    server = Statsd()
    use(monkeypatch, statsd_on="true", statsd_host="127.0.0.1", statsd_port=str(server.port))
    return server


def test_a_run_tells_findings_by_status_freshness_of_feeds_and_weeks_behind(
    statsd: Statsd, city: City
) -> None:
    city.run(str(DATES[-1]))
    gauges = statsd.gauges()
    found = Results(city.database).latest_findings(ID)
    assert found
    for status in Status:
        number = sum(one.status is status for one in found)
        assert gauges[f"airflow.sundial.findings.{ID}.{status.value}"] == str(number), status
    assert gauges[f"airflow.sundial.weeks_behind.{ID}"] == "0"
    # The last outputs are of the Tuesday five days before the Sunday as of which it ran.
    assert gauges[f"airflow.sundial.freshness_days.{ID}.outputs"] == "5"


def test_where_nothing_could_be_recorded_the_weeks_behind_are_told_all_the_same(
    statsd: Statsd, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.run(str(DATES[0]))
    statsd.gauges()
    run = run_of(city.sources.parent, DATES[-1])
    monkeypatch.setattr("sundial.airflow.monitor.current_run", lambda _: run)
    from sundial.airflow.monitor import _record
    from sundial.engine.run import NotStaged

    with pytest.raises(NotStaged):
        _record(ID)
    assert statsd.gauges()[f"airflow.sundial.weeks_behind.{ID}"] == "2"


def test_the_daily_look_tells_what_waits_and_which_monitor_has_not_run(
    statsd: Statsd, tmp_path: Path
) -> None:
    run = run_of(tmp_path, DATES[0])
    run.database.migrate()
    week = monday(DATES[0])
    Results(run.database).record(ID, [judged(week, [finding(system=ID, week=week)])], "run")
    systems = {ID: run.system.model_copy(update={"schedule": "daily"})}
    tell(lambda: metrics.of_city(run.database, systems, week + timedelta(days=7 * 3 + 1)))
    assert statsd.gauges() == {
        "airflow.sundial.open_cases": "0",
        "airflow.sundial.oldest_case_days": "0",
        "airflow.sundial.open_incidents": "0",
        f"airflow.sundial.weeks_behind.{ID}": "2",
    }


def test_tags_are_tags_where_there_are_tags_and_names_hold_no_strange_character(
    statsd: Statsd, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [Gauge("findings", 3, {"system": "señor, a=b", "status": "breach"})]
    tell(lambda: told)
    assert statsd.gauges() == {"airflow.sundial.findings.se_or__a_b.breach": "3"}
    use(monkeypatch, statsd_influxdb_enabled="true")
    tell(lambda: told)
    assert statsd.gauges() == {"airflow.sundial.findings,system=se_or__a_b,status=breach": "3"}


class Collector(ThreadingHTTPServer):
    """Takes what OpenTelemetry's exporter posts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[bytes] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.taken.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


def test_a_collector_of_opentelemetry_gets_gauges_with_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk._shared.observability.metrics.otel_logger import flush_otel_metrics
    from opentelemetry.metrics import get_meter_provider
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    collector = Collector()
    address = f"http://127.0.0.1:{collector.server_address[1]}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    use(monkeypatch, otel_on="true")
    tell(lambda: [Gauge("findings", 3, {"system": ID, "status": "breach"})])
    get_meter_provider().force_flush()  # type: ignore[attr-defined]  # as Airflow does when a task ends
    atexit.unregister(flush_otel_metrics)
    get_meter_provider().shutdown()  # type: ignore[attr-defined]
    collector.shutdown()
    collector.server_close()
    sent = ExportMetricsServiceRequest.FromString(collector.taken[-1])
    (metric,) = (
        metric
        for of in sent.resource_metrics
        for scope in of.scope_metrics
        for metric in scope.metrics
        if metric.name == "airflow.sundial.findings"
    )
    (point,) = metric.gauge.data_points
    assert {tag.key: tag.value.string_value for tag in point.attributes} == {"system": ID, "status": "breach"}
    assert point.as_int or point.as_double == 3


def test_metrics_that_cannot_be_sent_or_read_raise_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> NoReturn:
        raise ConnectionError("no such dashboard")

    stats.initialize(factory=broken, export_legacy_names=True)
    tell(lambda: [Gauge("findings", 3)])
    stats.initialize(factory=get_stats_factory(), export_legacy_names=True)
    tell(lambda: metrics.of_city(Database("sqlite:////nowhere/store.db"), {}, DATES[0]))
    first, second = [record.getMessage() for record in caplog.records if record.name == metrics.__name__]
    assert first == "Metrics could not be sent: ConnectionError: no such dashboard"
    assert "run `sundial db migrate`" in second
