# Mission Control: the two commands are `make run` and `make test`. `make help` lists the others.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python of at least 3.11; name another with PYTHON=/path/to/python.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
PREPARE := "$(or $(PYTHON),python3)" bin/prepare.py
VENV := .venv/bin/python

.PHONY: help run dev test check fix faults browser bench local-model schema lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: ## install what is missing, then serve on PORT (8000) with data in DATA_DIR (./data)
	@$(PREPARE) python spa
	@$(VENV) manage.py setup && exec $(VENV) manage.py serve

dev: ## the same with hot reload: screen on port 5173, server on PORT
	@$(PREPARE) python-dev node
	@$(VENV) manage.py setup && exec $(VENV) bin/dev.py

test: ## everything CI runs: checks, Python suites in both modes, vitest, browser flows, faults
	@$(PREPARE) python-dev node programs spa
	@exec $(VENV) bin/lanes.py test

check: ## lint, format, types, import contracts, migrations, stale schema
	@$(PREPARE) python-dev node
	@exec $(VENV) bin/lanes.py check

fix: ## let the formatters and linters mend what they can
	@$(PREPARE) python-dev node
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .
	@cd frontend && npm run --silent format

browser: ## the flows in a real Chromium only
	@$(PREPARE) python-dev node programs spa
	@exec $(VENV) -m pytest tests/browser

faults: ## kill -9, wiped Redis, lost answers at every fail point: nothing lost, nothing done twice
	@$(PREPARE) python-dev programs spa
	@$(VENV) -m pytest tests/faults && exec $(VENV) -m tests.faults.matrix

bench: ## the figures of benchmarks/, each beside a bare baseline of the same run
	@$(PREPARE) python-dev node programs spa
	@exec $(VENV) -m benchmarks

local-model: ## a real language model on loopback, no key and no network
	@exec examples/local-model/start.sh

schema: ## write the OpenAPI document and the TypeScript types made from it
	@$(PREPARE) python-dev node
	@exec $(VENV) bin/schema.py

lock: ## resolve the dependencies of both sides again (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header pyproject.toml -o requirements.lock
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --no-header pyproject.toml --group dev -o requirements-dev.lock
	@"$(PYTHON)" bin/npm_lock.py

clean: ## remove what can be made again; data stays
	@rm -rf .venv .make frontend/node_modules frontend/dist .mypy_cache .ruff_cache .pytest_cache
