# A fresh machine needs Python >= 3.11 and make, nothing else.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11
OLD_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,$(CANDIDATES),$(shell $(name) -c '$(OLD_ENOUGH)' >/dev/null 2>&1 && echo $(name))))
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
PYTEST_ARGS ?=
CHAOS_ARGS ?=
# Each process has a Supabase of its own; a file's tests stay together, because they share its fixtures.
PYTEST_PROCESSES ?= 2

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export SUPABASE_TELEMETRY_DISABLED := 1
export LITE_TELEMETRY := 0
export DO_NOT_TRACK := 1

# --- Set-up -----------------------------------------------------------------

.PHONY: setup
setup: $(VENV)/.installed node_modules/.installed ## Install everything (Python and Node tools, all pinned) into .venv and node_modules

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "Python >= 3.11 is needed; set PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "set-up: virtual environment with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "this Python cannot make virtual environments: install its venv module (on Debian: python3-venv)" >&2; exit 1; }
	@touch $@

$(VENV)/.installed: $(VENV)/.created requirements/dev.lock pyproject.toml
	@echo "set-up: Python packages"
	@$(PY) -m pip install -qq --require-hashes --requirement requirements/dev.lock
	@$(PY) -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

node_modules/.installed: $(VENV)/.installed package.json package-lock.json .npmrc
	@echo "set-up: Supabase CLI and Supabase Lite"
	@$(PY) -m sandbox.setup.npm ci --loglevel=error
	@touch $@

# --- Run --------------------------------------------------------------------

.PHONY: demo
demo: setup ## Run the narrated journey: an order is paid, confirmed, refunded, refused; writes build/demo.json
	@$(PY) -m sandbox.demo

.PHONY: adopt
adopt: setup ## A shop with tables of its own takes the project in and pays with it; writes build/adoption.json
	@$(PY) -m sandbox.adoption

.PHONY: up
up: setup ## Start the whole stack and leave it running; writes build/stack.json
	@$(PY) -m sandbox.stack up

.PHONY: down
down: setup ## Stop what `make up` started
	@$(PY) -m sandbox.stack down

# --- Check ------------------------------------------------------------------

.PHONY: test
test: setup ## Run the tests in PYTEST_PROCESSES=2 processes (PYTEST_ARGS="-k name" narrows them)
	@$(PY) -m pytest -n $(PYTEST_PROCESSES) --dist loadfile $(PYTEST_ARGS)

.PHONY: test-browser
test-browser: setup ## Drive the console and the checkout in headless Chromium; skipped with a reason where there is none
	@$(PY) -m pip install -qq --require-hashes --requirement requirements/browser.lock
	@$(PY) -m pytest tests/browser $(PYTEST_ARGS)

.PHONY: test-pg
test-pg: setup ## Run the database's core tests on PostgreSQL 15, 17 and 18; one that is not to be had is skipped
	@$(PY) -m sandbox.setup.npm ci --prefix requirements/postgres --loglevel=error || true
	@$(PY) -m sandbox.supabase.versions $(PYTEST_ARGS)

.PHONY: test-docker
test-docker: setup ## Run the flows on Supabase's own images in containers; skipped where there is no Docker
	@$(PY) -m sandbox.supabase.containers_run $(PYTEST_ARGS)

.PHONY: chaos
chaos: setup ## Kill workers at every step and under load, break all they talk to, compare the books (CHAOS_ARGS="--seed 7")
	@$(PY) -m sandbox.chaos $(CHAOS_ARGS)

.PHONY: check
check: format-check lint types-check layers sql-lint test ## Format, lint, types, import layers, SQL lint and tests

.PHONY: format-check
format-check: setup ## Say which files `make fmt` would change
	@$(BIN)/ruff format --check .

.PHONY: lint
lint: setup ## Lint the Python code
	@$(BIN)/ruff check .

.PHONY: types-check
types-check: setup ## Check types (mypy, strict)
	@$(BIN)/mypy

.PHONY: layers
layers: setup ## Check that imports go in the allowed direction only
	@$(BIN)/lint-imports --cache-dir build/import-linter

.PHONY: sql-lint
sql-lint: setup ## Lint the SQL, and what the migrations do to a database in use
	@$(BIN)/sqlfluff lint --disable-progress-bar supabase sandbox
	@$(BIN)/squawk supabase/migrations/*.sql

.PHONY: fmt
fmt: setup ## Format the Python code and apply the safe lint fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# --- Measure ----------------------------------------------------------------

$(VENV)/.bench-installed: $(VENV)/.installed requirements/bench.lock
	@echo "set-up: job queues to compare with"
	@$(PY) -m pip install -qq --require-hashes --requirement requirements/bench.lock
	@touch $@

.PHONY: bench
bench: setup $(VENV)/.bench-installed ## Measure every figure of docs/performance.md; writes build/bench.json (BENCH_ARGS="--only webhook" narrows)
	@$(PY) -m bench $(BENCH_ARGS)

.PHONY: bench-full
bench-full: setup $(VENV)/.bench-installed ## The same over the whole matrix, an hour or so; writes docs/performance.md and its plots anew
	@$(PY) -m bench --full --rounds 5 --output build/bench-full.json $(BENCH_ARGS)
	@$(PY) -m bench.document build/bench-full.json

.PHONY: bench-legacy
bench-legacy: setup ## Upgrade a shop of a million payments: seconds, locks, waits; writes build/legacy.json
	@$(PY) -m tests.scale.legacy

.PHONY: long-life
long-life: setup ## Forty simulated hours of traffic: hot tables and indexes stay flat; writes build/long_life.json
	@$(PY) -m tests.scale.long_life

# --- Maintain ---------------------------------------------------------------

.PHONY: console
console: setup ## Build the operations console from console/ into worker/console/, which is committed
	@$(PY) -m sandbox.setup.npm ci --prefix console --loglevel=error
	@$(PY) -m sandbox.setup.npm run build --prefix console
	@$(PY) -m sandbox.setup.console_bundle

COMPILE := $(PY) -m uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate

.PHONY: lock
lock: setup ## Write the lock files anew from pyproject.toml and package.json (LOCK_ARGS=--upgrade for newer versions)
	@$(COMPILE) $(LOCK_ARGS) --extra dev --output-file requirements/dev.lock
	@$(COMPILE) --constraints requirements/dev.lock --output-file requirements/worker.lock
	@$(COMPILE) --constraints requirements/dev.lock --extra browser --output-file requirements/browser.lock
	@$(COMPILE) --constraints requirements/dev.lock --extra bench --output-file requirements/bench.lock
	@$(PY) -m sandbox.setup.npm install --package-lock-only --loglevel=error
	@$(PY) -m sandbox.setup.npm_lock
	@$(PY) -m sandbox.setup.npm install --prefix requirements/postgres --package-lock-only --loglevel=error

.PHONY: types
types: setup ## Generate worker/db/schema.py and supabase/types/database.ts from the migrations
	@$(PY) -m sandbox.supabase.types

.PHONY: api-docs
api-docs: setup ## Write docs/http-api.md from the worker's OpenAPI document
	@$(PY) -m tests.docs.http_api

.PHONY: clean
clean: ## Stop the stack and remove everything set-up and runs have written here
	@test ! -f build/stack.json || $(PY) -m sandbox.stack down
	@rm -rf build $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	@find worker sandbox tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} \
		/^# --- / {gsub(/^# --- | -+$$/, ""); printf "\n%s\n", $$0} \
		/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
