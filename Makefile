# The two commands that matter: `make demo` shows the product at work, `make test` proves it. Both need only Python 3.10+.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo up test check words chaos clean

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: $(VENV)/.installed ## Everything up, a campaign sent to nobody, the outcome, and a clean exit
	@$(BIN)/broadcast demo $(ARGS)

up: $(VENV)/.installed ## Everything up in the foreground; Ctrl-C stops it
	@$(BIN)/broadcast up

check: $(VENV)/.tested ## Format, lint, types and the layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

test: check ## The gate, then every test; with ARGS="tests/unit -k name", those
	$(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests.beside)

WORDS := broadcast/dashboard/translations
words: $(VENV)/.tested ## Bring the dashboard's Portuguese catalogue up to date, and compile it
	@mkdir -p build
	$(BIN)/pybabel -q extract -F $(WORDS)/babel.cfg -k lazy_gettext -k lazy_pgettext:1c,2 --no-location --omit-header \
		-o build/dashboard.pot broadcast/dashboard
	$(BIN)/pybabel -q update --no-fuzzy-matching --ignore-pot-creation-date -w 120 -D messages -d $(WORDS) -l pt_BR -i build/dashboard.pot
	$(BIN)/pybabel -q compile -D messages -d $(WORDS)

chaos: $(VENV)/.tested ## Kill everything at random, N=10 blows for each of SEEDS=3 seeds, and judge by the ledger
	$(BIN)/python -m tests.acceptance.chaos --kills $(or $(N),10) --seeds $(or $(SEEDS),3) --seed $(or $(SEED),1)

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || \
		{ echo "Python 3.10 or newer is needed; name it with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV) || { echo "The venv module is missing (Debian: apt install python3-venv)" >&2; exit 1; }

$(VENV)/.installed: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "Installing Broadcast; the first time takes a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . && touch $@

$(VENV)/.tested: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "Installing Broadcast and its test tools; the first time takes a minute"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' && touch $@ $(VENV)/.installed
