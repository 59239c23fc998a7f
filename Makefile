# The newcomer's two commands are `make demo` and `make test`; both set up what they need first.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-bench/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where it is set, each of the hundreds of processes of a test run would compile the whole project anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup native demo test test-quick test-long test-faults bench bench-honesty lint lock screenshots clean

setup: $(VENV)/.ready api/static/vendor/made-from native

$(VENV)/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Candlewick needs Python 3.11 or 3.12, and none was found on PATH"; exit 1; }
	@echo "Setting up $(VENV) with $(PYTHON) from requirements.lock ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@# The lock names everything, and older pips do not know that a pinned package is the one asked for with an extra.
	@$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

api/static/vendor/made-from: api/page/package-lock.json $(VENV)/.ready
	@$(BIN)/python -m deploy.page_assets
	@touch $@

native: $(VENV)/.ready
	@$(BIN)/python -m deploy.native

demo: setup
	@$(BIN)/candlewick demo $(ARGS)

test: setup
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q

test-quick: setup
	@$(BIN)/python -m pytest -m "not integration"

test-faults: setup
	@$(BIN)/python -m pytest tests/faults --faults full --timeout 3600 -q $(ARGS)

test-long: setup
	@$(BIN)/python -m pytest tests/operators/indicators tests/flows/test_history.py --all-bars --timeout 3600 -n 2 -q $(ARGS)

# ARGS="--quick --no-peers" needs nothing beyond the setup.
bench: setup $(if $(findstring --no-peers,$(ARGS)),,.venv-bench/.ready)
	@$(BIN)/python -m benchmarks --peers $(PEERS) $(ARGS)

# ARGS="--quick" for a short form, ARGS="--seed 1" for the same runs again.
bench-honesty: setup
	@$(BIN)/python -m benchmarks.honest $(ARGS)

.venv-bench/.ready: benchmarks/requirements.txt
	@echo "Setting up .venv-bench from benchmarks/requirements.txt (some 2 GB) ..."
	@test -x $(PEERS) || $(PYTHON) -m venv .venv-bench
	@$(PEERS) -m pip install --quiet --no-deps --require-hashes -r $<
	@touch $@

screenshots: setup
	@$(BIN)/python -m deploy.screenshots

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports
	@$(BIN)/python -m deploy.audit

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--upgrade benchmarks/requirements.in -o benchmarks/requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--upgrade pyproject.toml --group dev -o requirements.lock

clean:
	rm -rf $(VENV) .venv-bench .candlewick
