# Every tool of the project, one line a target. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help setup services style format types contracts test coverage bench soak demo up rules schema lock clean
BIN := .venv/bin
SCALE ?= small
PYTEST_ARGS ?= --numprocesses=2

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' Makefile

setup: .venv/.development ## Make .venv with everything for development

.venv/.development: pyproject.toml requirements-dev.lock .ci/setup
	@.ci/setup development
	@touch .venv/.runtime .venv/.development

.venv/.runtime: pyproject.toml requirements.lock .ci/setup
	@.ci/setup runtime
	@touch .venv/.runtime

services: ## Install the real servers that the tests use (needs root on Debian or Ubuntu)
	@.ci/install-services

style: setup ## Check the form: ruff format and its wide rule set
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: setup ## Rewrite the files in the house form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup ## Check the types: mypy --strict
	$(BIN)/mypy

contracts: setup ## Check who may import whom: import-linter
	$(BIN)/lint-imports --no-cache

test: setup ## Run the tests on real servers (PYTEST_ARGS="-k name" to choose)
	@.ci/install-services || true
	$(BIN)/python -m pytest $(PYTEST_ARGS)

coverage: setup ## Measure the branches of monitor/core that its tests reach
	$(BIN)/python -m pytest tests/core tests/test_scenarios.py --cov --cov-report=term-missing $(PYTEST_ARGS)

bench: .venv/.development ## Run one benchmark: make bench BENCH=codec SCALE=small
	@test -n "$(BENCH)" || { echo "expected BENCH=NAME, one of:"; grep -l __main__ bench/*.py; exit 2; }
	$(BIN)/python -m bench.$(BENCH) --scale $(SCALE)

soak: .venv/.development ## Prove the threshold index at full size: brute force, guard bound (20 min)
	LOSS_MONITOR_SOAK=1 $(BIN)/python -m pytest --numprocesses=0 tests/core/margin/index/test_split.py
	$(BIN)/python -m bench.brute_force --scale full

demo: .venv/.runtime ## Watch a synthetic exchange crash (ARGS="--seconds 60 --no-browser --port 18080")
	@$(BIN)/loss-monitor demo $(ARGS)

up: ## Start the daemon with Kafka, Redis, Prometheus, Alertmanager and Grafana in containers
	docker compose --file deploy/compose.yaml up --build $(ARGS)

rules: setup ## Check the alert rules and their tests: promtool, amtool
	@.ci/check-rules

schema: setup ## Write the generated documents: schemas, events, configuration, metrics
	$(BIN)/python -m tools.write_documents

lock: setup ## Write the lock files again, with the newest versions that pyproject.toml allows
	@.ci/lock

clean: ## Remove what the tools left behind, .venv included
	rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage build dist *.egg-info
