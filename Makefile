# Every target makes .venv by itself and installs the locked pins of what it needs, once.
#
#   make run ARGS="--port 3001"      PYTHON=python3.12 make test

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CLIENTS := compat compat-connector
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-compat test-long lint format bench screenshots clean

help:  ## Say what can be made.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: $(VENV)/.has-run  ## Trade: the demo, or config.toml when it is there.
	@$(BIN)/python -m hft.supervisor $(ARGS)

test: $(VENV)/.has-test  ## Run every test but the long ones; ARGS are pytest's.
	@scripts/install-test-system.sh
	@$(BIN)/python -m pytest $(or $(ARGS),--ignore=tests/compat -n 2 --dist loadfile)
	@$(if $(ARGS),,$(MAKE) --no-print-directory test-compat)

# An environment for each set of clients that can live together; the simulator runs in the engine's.
test-compat: $(VENV)/.has-test $(CLIENTS:%=.venv-%/.has-clients)  ## Run the tests with other people's clients alone.
	@HFT_PYTHON=$(BIN)/python .venv-compat/bin/python -m pytest tests/compat \
		--ignore=tests/compat/test_connector.py -k "not connector"
	@HFT_PYTHON=$(BIN)/python .venv-compat-connector/bin/python -m pytest -k connector \
		tests/compat/test_connector.py tests/compat/test_recipes.py

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

screenshots: $(VENV)/.has-test  ## Take the README's pictures of the page anew.
	@scripts/install-test-system.sh
	@$(BIN)/python -m tests.browser.screenshots

clean:  ## Forget the virtual environment and what the tools remember.
	rm -rf $(VENV) $(CLIENTS:%=.venv-%) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed, $(PYTHON) is older: set PYTHON=..."; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)

.venv-%/.has-clients: requirements/%.txt
	@echo "Making .venv-$* and installing the pinned packages of requirements/$*.txt ..."
	@$(PYTHON) -m venv --clear .venv-$*
	@.venv-$*/bin/python -m pip --disable-pip-version-check --quiet install -r $<
	@touch $@

# A stamp per set of pins.  The project itself comes last, editable and without its dependencies: they
# are the pins, whatever pyproject.toml would allow.
$(VENV)/.has-%: requirements/%.txt requirements/run.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "Installing the pinned packages of requirements/$*.txt ..."
	@$(PIP) install -r requirements/build.txt
	@$(PIP) install -r requirements/$*.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@
