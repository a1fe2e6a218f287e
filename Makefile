# `make demo` and `make test` work from a fresh clone: each installs what it needs into .venv from the lock.
PYTHON ?= python3
BIN := .venv/bin
UV_VERSION := 0.13.9

.PHONY: install install-dev demo test test-all test-compose check format lock pictures clean

.venv/uv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sundial needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "uv==$(UV_VERSION)"
	touch $@

# Compiled at once: every process that a test or the demo starts would compile its imports again otherwise.
.venv/run: .venv/uv requirements.lock pyproject.toml
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode -r requirements.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps -e .
	touch $@

.venv/dev: .venv/run requirements-dev.lock
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode -r requirements-dev.lock
	touch $@

# For the tests in a browser; where it cannot be had they are skipped, and say so.
.venv/chromium: .venv/dev
	command -v chromium > /dev/null \
	  || { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium > /dev/null; } \
	  || $(BIN)/playwright install --with-deps chromium \
	  || echo "No Chromium: the tests in a browser are skipped."
	touch $@

install: .venv/run  ## what running needs

install-dev: .venv/dev  ## what tests and checks need, too

lock: .venv/uv  ## resolve pyproject.toml anew
	$(BIN)/uv pip compile pyproject.toml --extra demo --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" -q -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command "make lock" -c requirements.lock -q -o requirements-dev.lock

demo: .venv/run  ## the whole job on real data; EXIT=1 ends when it is done
	$(BIN)/sundial demo $(if $(EXIT),--exit)

check: .venv/dev  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: .venv/dev .venv/chromium  ## everything but the slow suites, services included
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-all: .venv/dev .venv/chromium  ## the slow suites, too, with new random examples
	HYPOTHESIS_PROFILE=explore $(BIN)/python -m pytest

test-compose: .venv/dev  ## build the image, bring the compose file up for real; skipped without a container engine
	$(BIN)/python -m pytest tests/compose -m slow -rs --timeout=1800

pictures: .venv/dev .venv/chromium  ## the pictures in docs/pictures, from a demo that has run
	PYTHONPATH=tests $(BIN)/python tests/pictures.py .demo docs/pictures

clean:
	rm -rf .venv .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
