# Thin: each target is a line or two to the real thing. ARGS goes to the command behind it.

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := demo
.PHONY: demo run test lint bench setup setup-dev migration lock

demo: setup
	@$(BIN)/newsletter demo $(ARGS)

run: setup
	@$(BIN)/newsletter run $(ARGS)

test: lint
	@.ci/browser
	$(BIN)/pytest -n auto --maxprocesses=4 $(ARGS)

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: setup-dev
	@$(BIN)/python -m benchmarks $(ARGS)

# make migration NAME="what changes": the next revision, from the difference between models and revisions
migration: setup-dev
	$(if $(NAME),,$(error say what changes: make migration NAME="add alerts"))
	$(BIN)/python -m newsletter.store.new_migration "$(NAME)"
	$(BIN)/ruff check --fix --quiet newsletter/store/migrations
	$(BIN)/ruff format --quiet newsletter/store/migrations

# the lock files, after a change of the dependencies in pyproject.toml
lock: setup-dev
	$(PIP) install uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-annotate --no-header \
		--no-emit-index-url pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-annotate --no-header \
		--no-emit-index-url pyproject.toml --extra dev --output-file requirements-dev.txt

setup: .venv/.ready
setup-dev: .venv/.ready-dev

.venv/.made:
	@.ci/venv
	@touch $@

.venv/.ready: .venv/.made requirements.txt pyproject.toml
	@echo "installing the libraries (once)"
	@$(PIP) install --requirement requirements.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

.venv/.ready-dev: .venv/.ready requirements-dev.txt
	@echo "installing the tools for tests (once)"
	@$(PIP) install --requirement requirements-dev.txt
	@touch $@
