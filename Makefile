# Needs only make and python3 (3.11 or newer). The stamp files keep a second run from installing again.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DELETE_ON_ERROR:
.PHONY: run test lint bench examples fuzz faults lock clean help

help:
	@echo "make run    serve a demo company on 127.0.0.1:7048"
	@echo "make test   lint, types and every test"
	@echo "make lint   lint and types only"
	@echo "make bench  measure against the physical limit of this machine"
	@echo "make fuzz   50,000 generated requests against the OpenAPI document of each API (FUZZ=... for another number)"
	@echo "make faults 200 kills under load on each store, 200 simulated histories with a failure at every step"
	@echo "make examples  record the examples of the reference anew, from a new demo company"
	@echo "make lock   choose the versions of all dependencies anew (needs uv)"

run: $(VENV)/.run-stamp
	@exec $(BIN)/debitor serve --demo

test: lint
	$(BIN)/python -m pytest

lint: $(VENV)/.test-stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test-stamp
	$(BIN)/python -m bench.run --out bench/results

examples: $(VENV)/.test-stamp
	PYTHONPATH=src:tests $(BIN)/python -m wire.examples

FUZZ ?= 50000

fuzz: $(VENV)/.test-stamp
	PYTHONPATH=src:tests $(BIN)/python -m wire.fuzzing --requests $(FUZZ)

CYCLES ?= 200

faults: $(VENV)/.test-stamp
	DEBITOR_CRASH_CYCLES=$(CYCLES) DEBITOR_SIMULATIONS=$(CYCLES) $(BIN)/python -m pytest -s \
	  tests/wire/test_crash.py tests/store/test_simulation.py tests/wire/test_faults.py

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "debitor needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-stamp: requirements.lock pyproject.toml | $(BIN)/python
	$(PIP) install --quiet --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test-stamp: requirements-dev.lock $(VENV)/.run-stamp
	$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

UV_COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-emit-index-url --no-emit-find-links --no-annotate

# hatchling and editables install debitor itself, so they are locked as well. The third file is for servers: with
# every extra, without the tools of development.
lock:
	printf 'hatchling\neditables\n' | $(UV_COMPILE) pyproject.toml - -o requirements.lock
	printf 'hatchling\neditables\n' | $(UV_COMPILE) pyproject.toml - --group dev -c requirements.lock -o requirements-dev.lock
	printf 'hatchling\n' | $(UV_COMPILE) pyproject.toml - --all-extras -c requirements-dev.lock -o requirements-server.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
