# make demo: install and watch the whole pipeline run. make test: install and run the tests.
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check install wheel clean

demo: .venv/installed
	$(BIN)/transnet demo

test: .venv/installed
	$(BIN)/python -m pytest

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

install: .venv/installed

wheel: .venv/installed
	$(BIN)/python -m build --wheel
	$(BIN)/python -m build --wheel runtime --outdir dist/runtime

# Redone when a requirement changes, so that a second make is quick.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --constraint constraints.txt --editable ".[offline,dev]"
	touch $@

clean:
	rm -rf .venv build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache
