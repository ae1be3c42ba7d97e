# One command surface for people and CI. `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SYSTEM_PACKAGES := libusb-1.0-0 libgl1 libgomp1

export PREFECT_SERVER_ANALYTICS_ENABLED := false
export DO_NOT_TRACK := 1

.PHONY: help install system demo test test-slow fuzz check format bench clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(STAMP) ## create .venv with the mapforge command in it

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] <= (3, 12) else f"MapForge needs Python 3.11 or 3.12, this is {v[0]}.{v[1]}: run make PYTHON=python3.12")'
	@$(MAKE) --no-print-directory system
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed: install it first, on Debian: apt-get install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -c constraints.txt -e ".[dev,flows]"
	@touch $(STAMP)

system: ## install (or name) the system libraries that open3d loads
	@missing=""; for p in $(SYSTEM_PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
	if command -v dpkg-query >/dev/null && [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
	  elif sudo -n true 2>/dev/null; then sudo apt-get update -qq && sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$missing >/dev/null; \
	  else echo "MapForge needs system libraries: sudo apt-get install$$missing"; exit 1; fi; fi

demo: install ## simulate a small town, map it, validate it, print where the report is
	$(BIN)/mapforge demo

test: install ## the whole test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" tests

fuzz: install ## spoilt files for every reader, for MINUTES=10
	$(BIN)/python tests/hostile/fuzz.py --minutes $(or $(MINUTES),10)

test-slow: install ## the tests that take minutes
	$(BIN)/python -m pytest -m slow tests

check: install ## lint, types, layers
	$(BIN)/ruff check src flows tests benchmarks
	$(BIN)/ruff format --check src flows tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## format the code
	$(BIN)/ruff check --fix src flows tests benchmarks
	$(BIN)/ruff format src flows tests benchmarks

bench: install ## the measured claims of the README, each beside a peer or a plain reference
	$(BIN)/python benchmarks/run_all.py

clean: ## remove the environment and caches, never data
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
