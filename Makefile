# Two commands matter: `make demo` shows the whole loop, `make test` proves it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PORT ?= 8000
# Many tests wait for processes, so three workers keep two cores busy.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo run work test test-engine check format lock migrate bench

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Kaizen needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# One stamp for each lock: worker.lock runs everything, dev.lock adds the tools of `make test`.
$(VENV)/.%.stamp: requirements/%.lock | $(BIN)/python
	@echo "installing $< into $(VENV)"
ifdef UV
	@VIRTUAL_ENV=$(VENV) uv pip install --quiet --compile-bytecode --require-hashes -r $<
else
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
endif
	@touch $@

.env: | $(BIN)/python
	@$(BIN)/python kaizen_site/environment_file.py

setup: $(VENV)/.worker.stamp .env ## Environment, .env with fresh keys, database
	@$(MAKE) --no-print-directory migrate

migrate:
	@mkdir -p var
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0

demo: $(VENV)/.worker.stamp .env ## The whole loop with the built-in demo model (ONCE=1 ends after it)
	@$(BIN)/python -m kaizen_site.demo $(if $(ONCE),--once)

run: setup ## Serve the site on PORT
	$(BIN)/granian --interface wsgi --host 127.0.0.1 --port $(PORT) --workers 1 \
	  --blocking-threads 8 --no-ws kaizen_site.wsgi:application

work: setup ## Run the background workers
	$(BIN)/python manage.py work

test: $(VENV)/.dev.stamp ## The whole suite, in parallel
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q $(PYTEST_ARGS)

test-engine: $(VENV)/.dev.stamp ## The engine alone, without Django
	$(BIN)/python -m pytest -c tests/engine/pytest.ini tests/engine -q

check: $(VENV)/.dev.stamp ## Format, lint, types, floors, migrations, templates
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	PYTHONPATH=sdk/src $(BIN)/lint-imports
	PYTHONPATH=. $(BIN)/mypy  # textstat installs a package `tests` of its own
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m kaizen_site.deploy_check
	$(BIN)/djlint templates --lint --quiet

format: $(VENV)/.dev.stamp ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.dev.stamp ## Resolve the locks anew (needs uv)
	for name in base worker dev; do \
	  uv pip compile requirements/$$name.in --quiet --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --no-header --python-version 3.11 -o requirements/$$name.lock || exit 1; \
	done

bench: $(VENV)/.dev.stamp ## The benchmarks, with their tables (NAME=one)
	PYTHONPATH=sdk/src $(BIN)/python -m bench $(NAME)
