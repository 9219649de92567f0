# make demo: install what a user needs and run the whole pipeline.
# make test: install what a developer needs and run the tests.
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
PIP_INSTALL := $(BIN)/python -m pip install --constraint constraints.txt --editable
# One thread per process: the tests run in one process per core.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo install dev test test-fast check docs wheel clean

demo: .venv/user
	$(BIN)/transnet demo

install: .venv/user

dev: .venv/developer

test: .venv/developer
	$(PYTEST) --cov --cov-report=term

# Between two edits: everything but the slow tests.
test-fast: .venv/developer
	$(PYTEST) -m "not slow"

check: .venv/developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What the documents take from the code and from recorded results.
docs: .venv/developer
	$(BIN)/python scripts/draw_architecture.py
	$(BIN)/python benchmarks/render_results.py

wheel: .venv/developer
	$(BIN)/python -m build --wheel
	$(BIN)/python -m build --wheel runtime --outdir dist/runtime

# Each stamp is renewed when a requirement changes, so that a second make is quick.
.venv/user: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) ".[offline]"
	touch $@

.venv/developer: .venv/user
	$(PIP_INSTALL) ".[offline,dev]"
	touch $@

clean:
	rm -rf .venv build dist src/*.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache
