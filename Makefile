# `make run` and `make test` need Python 3.11 or later and make, nothing else; everything lands in .venv.
PYTHON ?= $(shell sh tools/find_pythons.sh 2>/dev/null | head -n 1)
OLDEST_PYTHON ?= $(shell sh tools/find_pythons.sh 2>/dev/null | tail -n 1)
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := dev
STAMP := $(VENV)/.installed-$(EXTRAS)
LOWEST := .venv-lowest
DOCS := .venv-docs
# What is about the panels, the papers and the tools is the same on every Python, and runs on one.
ONCE := widgets test_packaging.py test_examples.py test_tools.py test_tour.py test_promises.py test_conftest.py test_figures.py test_shell_in_documents.py
ROOMS := tests $(ONCE:%=--ignore=tests/%)

.PHONY: run desk test check golden prove prove-short prove-mutants soak test-rooms check-lowest lint types imports fuzz hostile mutants house bench figures counts docs dist clean

run: $(STAMP)
	@$(BIN)/python run_desktop_ui.py $(ARGS)

# The embedded exchange, a relay with its NATS server, and two windows that read from it.
desk: $(STAMP)
	@$(BIN)/python tools/desk.py $(ARGS)

# Where Python may not keep what it compiles, each worker and each program that a test starts compiles everything anew.
test soak test-rooms check-lowest: export PYTHONDONTWRITEBYTECODE :=

test: $(STAMP)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: lint types imports prove-short counts test

# The long forms of tests that `make test` runs in a small one, and nothing else.
soak: $(STAMP)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n auto --dist worksteal --soak $(ARGS)

# The whole system in simulated time, seed after seed; what fails is shrunk and replayed by `make prove SEED=…`.
prove: $(STAMP)
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.prove $(if $(SEED),--seed $(SEED)) $(ARGS)

# Something is put wrong on purpose, a mutant at a time, and has to be found.
prove-mutants: $(STAMP)
	@$(BIN)/python -m tests.prove.mutants $(ARGS)

prove-short: $(STAMP)
	@PYTHONHASHSEED=0 $(BIN)/python -m tests.prove --seeds 64

# What may differ from one Python or one version of a dependency to another.
test-rooms: $(STAMP)
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -n auto --dist worksteal $(ROOMS) $(ARGS)

# Every lower bound of pyproject.toml, exactly, on the oldest Python found: the rooms, the panels with data, the wheel.
check-lowest: $(LOWEST)/.installed
	QT_QPA_PLATFORM=offscreen $(LOWEST)/bin/python -m pytest -n auto --dist worksteal $(ROOMS) $(ARGS)
	QT_QPA_PLATFORM=offscreen $(LOWEST)/bin/python run_desktop_ui.py --smoke 10
	$(LOWEST)/bin/python -m build --wheel --no-isolation --outdir $(LOWEST)/wheel . >/dev/null

# The site, in both languages, into build/site; what is linked to and not there fails it. It has an environment of its
# own, because nothing else needs what makes HTML.
docs: $(DOCS)/.installed
	$(DOCS)/bin/python tools/build_site.py $(ARGS)
# The pictures that tests/widgets/test_golden.py compares with, drawn anew: look at those that have changed.
golden: $(STAMP)
	QT_QPA_PLATFORM=offscreen GOLDEN=write $(BIN)/python -m pytest -q -n auto tests/widgets/test_golden.py $(ARGS)
	@git status --short tests/widgets/golden

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

imports: $(STAMP)
	$(BIN)/lint-imports

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz_decoder --frames $(or $(FRAMES),1000000)

# Peers that break every rule, on loopback sockets: make hostile SESSIONS=5000 FRAMES=4000 (bad messages a session).
hostile: $(STAMP)
	$(BIN)/python -m tests.hostile_peers --sessions $(or $(SESSIONS),5000) --frames $(or $(FRAMES),4000)

# Small changes of the code that no test notices: make mutants MODULE=upbit_ws_qt/subscriptions/planner.py
mutants: $(STAMP)
	$(BIN)/python -m tools.mutants $(MODULE)

# The figures by which the shape of the code is watched; another checkout's: make house ARGS="--root PATH".
house: $(STAMP)
	@QT_QPA_PLATFORM=offscreen $(BIN)/python tools/house.py $(ARGS)

# Wheel and source distribution, built twice and compared; TAG=v1.2.3 where it is to be a release (docs/release.md).
dist: $(STAMP)
	@$(BIN)/python -m tools.build_twice dist $(if $(TAG),--release $(TAG))

# In an environment of its own: the exchange's kit, which is measured beside us, wants an older websockets.
bench: VENV := .venv-bench
bench:
	@$(MAKE) --no-print-directory VENV=$(VENV) EXTRAS=bench $(VENV)/.installed-bench
	@for script in $(sort $(filter-out benchmarks/figures.py,$(wildcard benchmarks/[a-z]*.py))); do name=$$(basename $$script .py); echo; echo "== $$name"; \
		QT_QPA_PLATFORM=offscreen $(BIN)/python -m benchmarks.$$name || exit 1; done

# The page of figures, measured anew: ten minutes of an idle machine (make figures ARGS="latency growth": only these).
figures: VENV := .venv-bench
figures:
	@$(MAKE) --no-print-directory VENV=$(VENV) EXTRAS=bench $(VENV)/.installed-bench
	@$(BIN)/python -m benchmarks.figures $(ARGS)

# What a message costs, in steps of the interpreter, beside what is recorded: a busy machine counts the same.
counts: $(STAMP)
	@PYTHONHASHSEED=0 $(BIN)/python -m benchmarks.counts --check

# Re-made only when pyproject.toml changes, so that a second `make run` starts at once.
$(STAMP): pyproject.toml tools/check_system.py
	@test -n "$(PYTHON)" || { echo "upbit_ws_qt needs Python 3.11 or later; none was found. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@$(BIN)/python tools/check_system.py
	@touch $@

$(LOWEST)/.installed: pyproject.toml tools/lowest.py
	rm -rf $(LOWEST)
	@test -n "$(OLDEST_PYTHON)" || { echo "no supported Python was found" >&2; exit 2; }
	$(OLDEST_PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python tools/lowest.py --extra test > $(LOWEST)/lowest.txt
	@$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(LOWEST)/lowest.txt
	@$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@$(LOWEST)/bin/python tools/check_system.py
	@touch $@

# The reference is made from the source as it lies here, and nothing of it is imported.
$(DOCS)/.installed: pyproject.toml
	@test -n "$(PYTHON)" || { echo "no supported Python was found" >&2; exit 2; }
	@test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	@$(DOCS)/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")' > $(DOCS)/needed.txt
	@$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(DOCS)/needed.txt
	@touch $@

clean:
	rm -rf .venv .venv-* build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage
