# Everything runs in .venv, which is made from python3 (3.11 or newer) and nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run test lint format types unit crash bench million binary clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN) ## Start the server (options: make run ARGS="--port 9000 --data-dir /srv/romm")
	@$(BIN)/romm-lite serve $(ARGS)

test: lint types unit ## Format, lint, types and all tests: what continuous integration runs

lint: $(DEV) ## Check format and style
	@$(BIN)/ruff format --check --quiet . || { echo "Run 'make format'"; exit 1; }
	@$(BIN)/ruff check --quiet .

format: $(DEV) ## Put everything into shape
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

types: $(DEV) ## Check the types
	@$(BIN)/mypy

unit: $(DEV) ## Run the tests
	@$(BIN)/pytest -q -n 2 --dist worksteal -m "not slow"

crash: $(DEV) ## Run the long tests: kill -9, full disk
	@$(BIN)/pytest -q -m slow

bench: $(DEV) ## Measure; prints one JSON object a benchmark
	@for each in scan watch hashing listing auth download upload startup; do \
		$(BIN)/python -m benchmarks.$$each || exit 1; \
	done

million: $(DEV) ## Measure a library of a million ROMs; needs 8 GB and a quarter of an hour
	@$(BIN)/python -m benchmarks.million

binary: $(DEV) ## Build the program as one file and as one folder, and try both
	@$(BIN)/python -m PyInstaller --noconfirm --log-level WARN build.spec
	@$(BIN)/python -m tests.smoke dist/romm-lite dist/romm-lite-folder/romm-lite

clean: ## Remove everything that was built
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "romm_lite needs Python 3.11 or newer; try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "Python's venv module is missing; on Debian: apt install python3-venv"; exit 1; }

$(RUN): pyproject.toml | $(BIN)/python
	@echo "Installing romm_lite into $(VENV) …"
	@$(PIP) install --editable .
	@touch $@

$(DEV): pyproject.toml | $(BIN)/python
	@echo "Installing romm_lite and its tools into $(VENV) …"
	@$(PIP) install --editable '.[dev,postgres,mariadb,redis,sentry]'
	@touch $@ $(RUN)
