# make demo: install what a user needs and run the whole pipeline.
# make test: install what a developer needs and run the tests.
# Another Python: make demo PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
ORT_WEB_VERSION := 1.30.0
ORT_WEB := .venv/onnxruntime-web-$(ORT_WEB_VERSION).tgz
PIP_INSTALL := $(BIN)/python -m pip install --constraint constraints.txt --editable
# One thread per process: the tests run in one process per core.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo install dev test test-fast test-gpu test-browser coverage check docs docs-site wheel clean

demo: .venv/user
	$(BIN)/transnet demo

install: .venv/user

dev: .venv/developer

test: .venv/developer
	$(PYTEST)

# Which lines the tests run; slower.
coverage: .venv/developer
	$(PYTEST) --cov --cov-report=term

# Between two edits: everything but the slow tests.
test-fast: .venv/developer
	$(PYTEST) -m "not slow"

# On a GPU, if there is one: the same answers as on the CPU.
test-gpu: .venv/developer
	CUDA_VISIBLE_DEVICES=0 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 0 tests/test_gpu.py

# The page in Chromium: needs chromium (apt install chromium) and npm; takes four minutes.
test-browser: .venv/browser $(ORT_WEB)
	TRANSNET_BROWSER_TESTS=1 TRANSNET_ORT_WEB=$(ORT_WEB) OMP_NUM_THREADS=1 \
	  $(BIN)/python -m pytest -n 0 -s tests/app/test_browser.py tests/app/test_take_away.py

check: .venv/developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What the documents take from the code and from recorded results.
docs: .venv/developer
	$(BIN)/python -m scripts.draw_architecture
	$(BIN)/python benchmarks/render_results.py

# The site of the documents, in site/; every warning is an error. The notebook is executed.
docs-site: .venv/docs
	$(BIN)/mkdocs build --strict
	$(BIN)/python -m pytest -n 0 tests/docs/test_site.py

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

.venv/browser: .venv/developer
	$(PIP_INSTALL) ".[browser]"
	touch $@

.venv/docs: .venv/developer
	$(PIP_INSTALL) ".[docs]"
	touch $@

# ONNX Runtime Web, which the page that is taken away holds.
$(ORT_WEB): | .venv/developer
	npm pack --silent onnxruntime-web@$(ORT_WEB_VERSION) --pack-destination .venv

clean:
	rm -rf .venv build dist site src/*.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache
