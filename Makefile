# Every verb of this project. `make` lists them; `make check` and `make test` are what continuous integration runs.
# Paths stay relative and quoted: the checkout may live in a folder with spaces, and macOS brings make 3.81.

ARGS =
MODE =
PY = .venv/bin/python

# What one process compiled the next need not: a command starts in half the time.
unexport PYTHONDONTWRITEBYTECODE

ifneq ($(MODE),)
export ARB_MODE = $(MODE)
endif
ifneq ($(PYTHON),)
export PYTHON
endif

.DEFAULT_GOAL = help
.PHONY: help environment chain setup demo up web test campaigns fuzz soak bench check fmt lock doctor clean

help: ## list these verbs
	@echo "usage: make VERB [ARGS=\"...\"] [MODE=sim|dry_run|live|replay] [PYTHON=/path/to/python3.11]"
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  %-11s %s\n", $$1, $$2}' Makefile

environment: ## make .venv what uv.lock says; every other verb does so first
	@sh scripts/environment.sh

chain: environment ## fetch what the local chain is made of, once; demo and the tests do so first
	@$(PY) scripts/chain_assets.py

setup: environment ## create the databases, the schema and the first admin user
	@$(PY) manage.py setup $(ARGS)

demo: environment ## run everything on simulated venues and watch it trade: ARGS="--seconds 90 --json"
	@$(PY) manage.py demo $(ARGS)

up: environment ## run every process in the configured mode, or MODE=
	@$(PY) manage.py up $(ARGS)

web: environment ## open the admin on the configured mode's data, or MODE=replay
	@$(PY) manage.py web $(ARGS)

test: chain ## run the tests: ARGS="tests/domain -k sizing"
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

campaigns: chain ## run the long tests: kills and faults by the hundred
	@$(PY) -m pytest -m campaign --timeout 3600 $(ARGS)

fuzz: environment ## spoil payloads of every shape and see what becomes of them: ARGS="--mutations 100000 --seed 1"
	@$(PY) -m tests.fuzz $(ARGS)

soak: chain ## run everything and break something every half minute: ARGS="--minutes 60 --every 30 --seed 1 --json soak.json"
	@$(PY) -m tests.soak $(ARGS)

bench: chain ## measure one speed goal beside its baseline: ARGS="rest_books"; without ARGS name them
	@test -n "$(ARGS)" || ls benchmarks | sed -n 's/^\([a-z].*\)\.py$$/\1/p'
	@test -z "$(ARGS)" || $(PY) -m benchmarks.$(ARGS)

check: environment ## format, lint, types, import contracts, migrations, secrets, shape
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy --cache-dir=/dev/null  # with a warm cache its Django plugin reports errors that are not there
	@$(PY) .venv/bin/lint-imports
	@$(PY) manage.py makemigrations --check --dry-run
	@$(PY) manage.py check
	@$(PY) scripts/check_secrets.py
	@$(PY) scripts/check_shape.py

fmt: environment ## format the code and mend what can be mended
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format --quiet .

lock: environment ## resolve the dependencies anew and export requirements.txt with pins and hashes
	@$(PY) -m uv lock
	@$(PY) -m uv export --frozen --quiet --no-dev --format requirements-txt --output-file requirements.txt

doctor: environment ## say what is in order and what is not
	@$(PY) manage.py doctor $(ARGS)

clean: ## remove the environment and the caches; data and passwords stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
