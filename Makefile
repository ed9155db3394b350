# Two commands: `make run` does the main job on bundled data, `make test` passes the tests. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := run
.PHONY: setup lake-setup bench-setup run test dev refresh bench bench-lake lint types check clean lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11, 5) else f"Petaday needs Python 3.11.5 or newer (locked packages refuse older ones); {sys.executable} is {v.major}.{v.minor}.{v.micro}. Name another with: make PYTHON=python3.12 run")'
	@echo "setting up $(VENV) from requirements.lock (once)"
	@# What a broken-off or failed attempt left behind, perhaps with another Python, is cleared away.
	@$(PYTHON) -m venv $(if $(wildcard $(STAMP)),,--clear) $(VENV) || { echo "could not make a virtual environment: on Debian and Ubuntu install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . 
	@touch $(STAMP)

setup: $(STAMP)

# What a team's warehouse needs (DuckLake, PostgreSQL, Celery: docs/lake.md) and what benchmarks compare with; once, each from its own lock.
LAKE_STAMP := $(VENV)/.lake-ready
BENCH_STAMP := $(VENV)/.bench-ready
$(VENV)/.%-ready: requirements-%.lock $(STAMP)
	@echo "adding the packages of $< to $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

lake-setup: $(LAKE_STAMP)

bench-setup: $(BENCH_STAMP)

run: $(STAMP)
	@$(BIN)/petaday run

# On all cores, a file of tests at a time: JOBS=0 runs them in one process, ARGS goes to pytest (make test ARGS="tests/warehouse -x").
# Containers often ask Python to keep no bytecode: each of the processes that tests start would compile the project again.
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
test: $(STAMP)
	@env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

dev: $(STAMP)
	@$(BIN)/petaday ui

refresh: $(STAMP)
	@$(BIN)/petaday refresh

# All of them, or some: make bench ONLY="aws_price_list grid"
bench: $(BENCH_STAMP)
	@$(BIN)/python -m tests.bench $(ONLY)

# Real servers and processes, 184 million rows: see `python -m tests.bench_lake --help` for parts and sizes.
bench-lake: $(LAKE_STAMP)
	@$(BIN)/python -m tests.bench_lake

lint: $(STAMP)
	@$(BIN)/ruff check .

types: $(STAMP)
	@$(BIN)/ty check

check: lint types test

# Resolve anew and write hashes without any host's name.
lock:
	@$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/python -m pip install --quiet pip-tools
	@$(VENV)-lock/bin/pip-compile --quiet --extra dev --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe --no-strip-extras --output-file requirements.lock pyproject.toml
	@$(VENV)-lock/bin/pip-compile --quiet --extra lake --extra lake-dev --constraint requirements.lock --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe --no-strip-extras --output-file requirements-lake.lock pyproject.toml
	@$(VENV)-lock/bin/pip-compile --quiet --extra bench --constraint requirements.lock --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --allow-unsafe --no-strip-extras --output-file requirements-bench.lock pyproject.toml
	@rm -rf $(VENV)-lock

clean:
	@rm -rf $(VENV) .pytest_cache .ruff_cache
