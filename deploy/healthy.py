"""Exits with 0 if Airflow's health report calls a component healthy: a health check that starts no Airflow.

Usage: python -I healthy.py COMPONENT, one of metadatabase, scheduler, dag_processor, triggerer.
"""

from __future__ import annotations

import json
import sys
import urllib.request

_URL = "http://api-server:8080/api/v2/monitor/health"

if __name__ == "__main__":
    component = sys.argv[1]
    with urllib.request.urlopen(_URL, timeout=8) as answer:
        status = json.load(answer)[component]["status"]
    sys.exit(0 if status == "healthy" else f"{component} is {status}")
