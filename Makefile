# What a machine must have: make, and CPython 3.11, 3.12 or 3.13 with its venv module. The rest goes into .venv.

comma := ,
VENV := .venv
BIN := $(VENV)/bin
# An interpreter of your choice: make setup PYTHON=python3.12
PYTHON ?=
# CHAINS=1 installs the clients of the real networks as well, and the Telegram bot.
CHAINS ?=
# What leaves nothing out brings them: tests with STRICT=1, and all examples and measurements.
STRICT ?=
ifneq ($(filter verify bench $(if $(filter-out 0,$(STRICT)),setup test lint),$(MAKECMDGOALS)),)
CHAINS := 1
endif
# NETWORK=usdt_polygon lets the demo pay on a local node of that network, which needs its client.
NETWORK ?=
# make run PORT=9000 serves there. An environment's PORT is no wish for this one.
PORT :=
RUN_EXTRAS := server$(if $(CHAINS),$(comma)tron$(comma)evm$(comma)solana$(comma)ton$(comma)telegram,$(if $(NETWORK),$(comma)evm))
DEV_EXTRAS := $(RUN_EXTRAS)$(comma)dev

.DEFAULT_GOAL := help
.PHONY: help setup setup-run node-packages strict-packages run demo test verify lint format bench constraints clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup:  ## Make .venv with all that running, testing and linting need
	@sh tools/setup.sh "$(VENV)" "$(DEV_EXTRAS)" "$(PYTHON)"

setup-run:
	@sh tools/setup.sh "$(VENV)" "$(RUN_EXTRAS)" "$(PYTHON)"

run: setup-run  ## Serve the shop on http://127.0.0.1:8000 with a demo catalogue, on the built-in chain
	@exec $(BIN)/ytmarket serve --demo $(if $(PORT),--port $(PORT))

demo: setup-run $(if $(NETWORK),node-packages)  ## Live through the quick start, then stop; NETWORK=usdt_polygon pays on a local node of it
	@exec $(BIN)/ytmarket demo $(if $(NETWORK),--network $(NETWORK))

# A local node of the network comes with npm, where nobody has installed one; without npm the demo says what it lacks.
node-packages:
	@[ -d tests/node/node_modules/@foundry-rs ] || command -v anvil >/dev/null || ! command -v node >/dev/null || \
	! command -v npm >/dev/null || { echo "Installing the packages of tests/node" && \
	npm install --prefix tests/node --no-audit --no-fund --loglevel=error >/dev/null; } || true

# What the strict tests need of npm, where it is missing or older than the list of it.
strict-packages:
	@[ tests/node/node_modules/.package-lock.json -nt tests/node/package.json ] || { \
	echo "Installing the packages of tests/node" && \
	npm install --prefix tests/node --no-audit --no-fund --loglevel=error >/dev/null; }

test: setup $(if $(filter-out 0,$(STRICT)),strict-packages)  ## Run every test; STRICT=1 fails where Redis, node or Chromium is missing instead of skipping
	@$(BIN)/pytest

verify: setup  ## Run every test with many more random examples (slow)
	@HYPOTHESIS_PROFILE=thorough $(BIN)/pytest

lint: setup  ## Check format, rules, types and the direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy $(wildcard conftest.py src tests tools bench examples)
	$(BIN)/lint-imports

format: setup  ## Format the code and repair what can be repaired safely
	$(BIN)/ruff check --fix --exit-zero --quiet
	$(BIN)/ruff format

bench: setup  ## Measure; each file in bench/ prints one figure
	@for file in bench/[a-z]*.py; do $(BIN)/python "$$file" || exit 1; done

constraints: setup  ## Write constraints.txt anew from pyproject.toml; UPGRADE=1 takes the newest versions that fit
	@$(BIN)/python tools/constraints.py $(if $(UPGRADE),--upgrade)

clean:  ## Remove .venv and all caches; data folders stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find src tests bench examples -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
