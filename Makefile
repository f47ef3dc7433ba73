# Needs Python 3.11+ with venv, and make. `make` alone lists the targets.
PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed
MEMBERS := services/core services/api services/worker services/cli
EDITABLE := --no-deps --no-build-isolation $(MEMBERS:%=-e %)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help install run test lint format check lock bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## install everything into .venv, at the versions and hashes of requirements.lock

run: $(STAMP) ## run the whole service on this machine; ARGS="--port 8001" for its options
	@$(BIN)/atropos up $(ARGS)

test: $(STAMP) ## run the tests; ARGS="-k word" for pytest's options
	@$(BIN)/python -m pytest $(ARGS)

lint: $(STAMP) ## check style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(STAMP) ## format the code and apply safe fixes
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

check: lint test ## lint and test

lock: $(STAMP) ## resolve the dependencies anew into requirements.lock
	@$(BIN)/uv lock --python $(BIN)/python
	@$(BIN)/uv export --quiet --python $(BIN)/python --all-packages --all-extras --all-groups \
	  --no-emit-workspace --format requirements-txt --no-annotate --no-header -o requirements.lock

bench: $(STAMP) ## measure Atropos beside its peers
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## remove what was installed and cached; the data in .atropos stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find services tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# uv installs in seconds what takes pip a minute; where it cannot be had, pip does.
$(STAMP): requirements.lock pyproject.toml $(MEMBERS:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Atropos needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) lacks venv: install it (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || { echo "making .venv"; $(PYTHON) -m venv --clear .venv; }
	@echo "installing requirements.lock into .venv"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.txt
	@$(BIN)/uv --version >/dev/null 2>&1 || $(PIP) install --no-deps --require-hashes -r .venv/uv.txt || true
	@if $(BIN)/uv --version >/dev/null 2>&1; then \
	  $(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock && \
	  $(BIN)/uv pip install --quiet --python $(BIN)/python $(EDITABLE); \
	else \
	  $(PIP) install --require-hashes -r requirements.lock && $(PIP) install $(EDITABLE); \
	fi
	@touch $@
