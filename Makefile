# `make help` lists the targets. Two of them are the README's: `make bench` and `make test`.

DEVICES   ?= all
INVENTORY ?= inventories/virtual.yaml
REPORT    ?= quick
RESUME    ?=
SPARES    ?=
SCALE     ?= small
PIP_FLAGS ?=
PYTHON    ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
               $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

BIN   := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup bench nightly figures study report test test-slow test-rack test-emulated emulated-system \
        emulated-machine check lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(READY) ## build .venv with pinned packages (PIP_FLAGS= for an index of your own)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: apt-get install python3, or set PYTHON="; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "venv is missing: apt-get install python3-venv"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

bench: $(READY) ## run a report's cells on boards: DEVICES= INVENTORY= REPORT= RESUME= SPARES=
	$(BIN)/fedrack bench --inventory $(INVENTORY) --devices $(DEVICES) --report $(REPORT) $(if $(SPARES),--spares $(SPARES)) $(if $(RESUME),--resume $(RESUME))

nightly: $(READY) ## a night's run set beside the nights before: DEVICES= INVENTORY= REPORT= SPARES=
	$(BIN)/fedrack nightly --inventory $(INVENTORY) --devices $(DEVICES) --report $(REPORT) $(if $(SPARES),--spares $(SPARES))

figures: $(READY) ## measure and print the figures of an area: AREA=measurement
	$(BIN)/python -m benchmarks $(AREA)

study: $(READY) ## a report's cells with simulated clients: REPORT=smartfreeze SCALE=small|paper
	$(BIN)/fedrack simulate --report $(REPORT) --scale $(SCALE)

report: $(READY) ## draw the report of a finished run again: RUN=<run id> REPORT=
	$(BIN)/fedrack report --report $(REPORT) $(RUN)

test: $(READY) ## run the tests
	$(BIN)/pytest -n 2 --dist loadfile

test-slow: $(READY) ## run the slow proofs: root, package indexes, minutes (the real jtop service, ...)
	FEDRACK_SLOW=1 $(BIN)/pytest -m slow

test-rack: $(READY) ## every fault on a virtual rack, in every phase of a cell (root, 15 minutes)
	FEDRACK_SLOW=1 $(BIN)/pytest -m slow tests/lab

test-emulated: $(READY) ## real arm64 wheels, a real kernel's cgroups and reboots, in qemu (root, package indexes, minutes)
	FEDRACK_SLOW=1 $(BIN)/pytest -m slow tests/emulated

emulated-system: $(READY) ## fetch the arm64 Debian of emulated boards (root)
	$(BIN)/fedrack lab arm64

emulated-machine: $(READY) ## run an arm64 board with a kernel of its own, until Ctrl-C
	$(BIN)/fedrack lab machine

check: $(READY) ## lint, format, types, import contracts, Python 3.6 cleanness of what runs on boards
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vermin --quiet --no-tips -t=3.6- --violations fl_core harness/agent

lock: ## pin the newest packages that pyproject.toml allows, in a fresh environment
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet $(PIP_FLAGS) torch==$(shell sed -n 's/^torch==//p' requirements.lock)
	.venv-lock/bin/python -m pip install --quiet $(PIP_FLAGS) '.[dev]' 'setuptools>=77'
	{ sed -n '/^#/p' requirements.lock; .venv-lock/bin/python -m pip freeze --all --exclude fedrack --exclude pip | sed 's/+cpu$$//'; } > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf .venv-lock

clean: ## remove the environment and caches; results stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
