#!/bin/sh
# Prepares both databases before anything else starts. Runs at every start and changes nothing that is already right.
set -eu
cd "$(dirname "$0")"
airflow db migrate
airflow pools import pools.json
python accounts.py
SUNDIAL_STORE="$SUNDIAL_OWNER_STORE" sundial db migrate
