# Every target makes .venv by itself and installs the locked pins of what it needs, once.
#
#   make run ARGS="--port 3001"      PYTHON=python3.12 make test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-long lint format bench clean

help:  ## Say what can be made.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: $(VENV)/.has-run  ## Trade: the demo, or config.toml when it is there.
	@$(BIN)/python -m hft.supervisor $(ARGS)

test: $(VENV)/.has-test  ## Run every test but the long ones.
	@scripts/install-test-system.sh
	@$(BIN)/python -m pytest $(ARGS)

test-long: $(VENV)/.has-test  ## Run the long tests alone.
	@scripts/install-test-system.sh
	@$(BIN)/python -m pytest -m long $(ARGS)

lint: $(VENV)/.has-test  ## Check style and types.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

format: $(VENV)/.has-test  ## Write the code in one form.
	@$(BIN)/ruff format .

bench: $(VENV)/.has-bench  ## Measure; ARGS=--quick for a short look.
	@$(BIN)/python -m benches $(ARGS)

clean:  ## Forget the virtual environment and what the tools remember.
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed, $(PYTHON) is older: set PYTHON=..."; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

# A stamp per set of pins.  The project itself comes last, editable and without its dependencies: they
# are the pins, whatever pyproject.toml would allow.
$(VENV)/.has-%: requirements/%.txt requirements/run.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "Installing the pinned packages of requirements/$*.txt ..."
	@$(PIP) install -r requirements/build.txt
	@$(PIP) install -r requirements/$*.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
