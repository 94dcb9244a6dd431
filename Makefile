# spinula: `make` lists the targets. Everything happens in .venv, with the versions pinned in constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup run test test-fast check science docs bench clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml constraints.txt
	@echo "setting up $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --editable '.[dev]'
	@touch $@

setup: $(STAMP)  ## create .venv with the pinned versions

run: setup  ## the main job: simulate, image, fit and report (out/demo/report.html)
	$(BIN)/spinula demo --out out/demo --force

test: setup  ## all tests, the slow ones too
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-fast: setup  ## the tests without the slow ones
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

check: setup  ## format, lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

science: setup  ## the validation rows: published or derived against reproduced
	$(BIN)/spinula verify

$(VENV)/.docs: $(STAMP)
	@$(PIP) --editable '.[docs]'
	@touch $@

docs: $(VENV)/.docs  ## build the documentation into site/
	$(BIN)/python docs/reference/make_presets.py
	$(BIN)/zensical build --clean

.venv-bench/.installed: pyproject.toml benchmarks/peers.txt
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@PATH="$(CURDIR)/.venv-bench/bin:$$PATH" .venv-bench/bin/python -m pip install --quiet --disable-pip-version-check \
		--editable . --requirement benchmarks/peers.txt
	@touch $@

bench: .venv-bench/.installed  ## benchmarks against peers, in an environment of their own (.venv-bench)
	@for script in benchmarks/bench_*.py; do echo; echo "== $$script"; .venv-bench/bin/python $$script || exit 1; done

clean:  ## remove what was built (not .venv)
	rm -rf out site build dist .numba_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
