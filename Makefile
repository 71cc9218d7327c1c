# Civicloop. `make` says what there is; every target sets up what it needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PYTEST := $(PY) -m pytest
DEBIAN := chromium fonts-noto-cjk postgresql

.PHONY: help run check test bench docs fuzz lock style debian

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run ## set up, then serve the model district with its demo
	@exec $(PY) -m civicloop.cli serve

check: style ## format, lint, types, layers and the fast tests, in under a minute
	@$(PYTEST) -m "not slow and not browser and not postgres" -n 2

test: style debian ## everything, PostgreSQL and the browser included
	@CIVICLOOP_EXAMPLES=$${CIVICLOOP_EXAMPLES:-test} $(PYTEST) -n 2 -rs --durations=10

bench: $(VENV)/.dev ## the measurements, one JSON line each (BENCH=NAME runs one)
	@$(PY) -m civicloop.cli bench $(BENCH)

docs: $(VENV)/.dev ## write the pages that are derived from the declarations
	@$(PY) -m civicloop.cli docs

fuzz: $(VENV)/.dev ## hours of random tests: every operation with every role, long runs of every state machine
	@CIVICLOOP_EXAMPLES=fuzz $(PYTEST) -n 2 -m "slow and not browser" -rs

style: $(VENV)/.dev
	@$(VENV)/bin/ruff format --check --quiet . || { echo "Not formatted: $(VENV)/bin/ruff format . mends it."; exit 1; }
	@$(VENV)/bin/ruff check --quiet .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

# The locks name versions and hashes of every platform, and no registry: pip's own settings say where from.
COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
  --no-header --no-emit-index-url --no-emit-find-links $(LOCK) pyproject.toml
lock: $(VENV)/.dev ## choose the versions of the libraries anew (LOCK=--upgrade takes newer ones)
	@$(PY) -m pip install --quiet --disable-pip-version-check uv
	@$(COMPILE) --output-file requirements.lock
	@$(COMPILE) --constraint requirements.lock --extra postgres --group dev --output-file requirements-dev.lock

# A folder left by an interrupted set-up has no pip and is made anew.
define venv
@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Civicloop needs Python 3.11 or newer; make PYTHON=python3.12 names another one")'
@$(PY) -m pip --version >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV) || \
  { echo "Python can't make a virtual environment here (Debian: apt-get install python3-venv)"; exit 1; }; }
@printf '%s\n' '$(CURDIR)' > "$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/civicloop.pth"
@printf '%s\n' '#!/bin/sh' 'exec "$$(dirname "$$0")/python" -m civicloop.cli "$$@"' > $(VENV)/bin/civicloop
@chmod +x $(VENV)/bin/civicloop
endef

define install
@echo "Installing $(1) into $(VENV) (once)"
@$(PY) -m pip install --disable-pip-version-check --no-input --no-deps --require-hashes -r $(1) \
  | { grep --line-buffered -oE '^(Collecting|Processing|Installing) [^(]+' || true; }
endef

$(VENV)/.run: requirements.lock
	$(venv)
	$(call install,requirements.lock)
	@touch $@

$(VENV)/.dev: requirements-dev.lock requirements.lock
	$(venv)
	$(call install,requirements-dev.lock)
	@touch $(VENV)/.run $@

# The browser, its Chinese font and the database server of the tests; where they can't be had, the tests say so.
debian: $(VENV)/.dev
	@missing=$$(for name in $(DEBIAN); do \
	  dpkg-query -W -f '$${Status}' $$name 2>/dev/null | grep -q 'ok installed' || echo -n "$$name "; done); \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing $$missing"; export DEBIAN_FRONTEND=noninteractive; \
	  { apt-get update && apt-get install -y --no-install-recommends $$missing; } >$(VENV)/debian.log 2>&1 </dev/null \
	    || { tail -n 5 $(VENV)/debian.log; echo "Not installed: $$missing"; }; \
	fi
