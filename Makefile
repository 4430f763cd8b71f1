# The targets people call. `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test test-more check bench installers lock setup-commands setup-installers setup-demo setup-test setup-bench

PYTEST = .venv/bin/python -m pytest
WORKERS ?= 2

help:  ## List these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: setup-demo  ## Set up what is needed and run the whole journey on this machine, with sample data
	.venv/bin/fairwatch-server demo

test: setup-test check  ## Set up what is needed, check style and types, and pass all tests but the slowest
	$(PYTEST) -n $(WORKERS) --dist loadscope -m "not more"

test-more: setup-test  ## Pass the slow tests that `make test` leaves out
	$(PYTEST) -n $(WORKERS) --dist load -m more

check:  ## Check style, types and who imports whom (after `make test` has set up)
	.venv/bin/ruff format --check --quiet .
	.venv/bin/ruff check --quiet .
	.venv/bin/lint-imports --no-logo
	.venv/bin/mypy --no-error-summary

bench: setup-bench  ## Measure beside peers and limits, and print one table
	.venv/bin/python -m tests.bench

installers: setup-installers  ## Build the packages that IT deploys into dist/
	.venv/bin/python -m installers.linux.build
	.venv/bin/python -m installers.windows.build --if-possible

lock:  ## Lock the dependencies again, with hashes and without addresses
	.venv/bin/python -m pip install --quiet uv
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --all-extras --python-version 3.11 pyproject.toml -o requirements.lock
	.venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 tests/bench/peers.in -o tests/bench/peers.lock

setup-commands:
	@sh installers/setup.sh commands

setup-installers:
	@sh installers/setup.sh installers

setup-demo:
	@sh installers/setup.sh demo

setup-test:
	@sh installers/setup.sh test

setup-bench:
	@sh installers/setup.sh bench
