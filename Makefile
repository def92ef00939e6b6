# `make run` and `make test` need Python 3.11–3.13 and make, nothing else; everything lands in .venv.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := dev
STAMP := $(VENV)/.installed-$(EXTRAS)

export PYTHONDONTWRITEBYTECODE = 1

.PHONY: run test check lint types imports fuzz bench clean

run: $(STAMP)
	@$(BIN)/python run_desktop_ui.py $(ARGS)

test: $(STAMP)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n auto $(ARGS)

check: lint types imports test

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz_decoder --frames $(or $(FRAMES),1000000)

# In an environment of its own: the exchange's kit, which is measured beside us, wants an older websockets.
bench: VENV := .venv-bench
bench:
	@$(MAKE) --no-print-directory VENV=$(VENV) EXTRAS=bench $(VENV)/.installed-bench
	@for script in benchmarks/[a-z]*.py; do name=$$(basename $$script .py); echo; echo "== $$name"; \
		QT_QPA_PLATFORM=offscreen $(BIN)/python -m benchmarks.$$name || exit 1; done

# Re-made only when pyproject.toml changes, so that a second `make run` starts at once.
$(STAMP): pyproject.toml tools/check_system.py
	@test -n "$(PYTHON)" || { echo "upbit_ws_qt needs Python 3.11, 3.12 or 3.13; none was found. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@$(BIN)/python tools/check_system.py
	@touch $@

clean:
	rm -rf .venv .venv-bench build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
