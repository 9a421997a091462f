# One word per need. `make demo` and `make test` need nothing but Python 3.11+, git and the package registry.
PYTHON ?= python3
RUN := .venv/bin/
JOBS ?= 2
export PYTHONDONTWRITEBYTECODE=
export UV_PROJECT_ENVIRONMENT=.venv

.PHONY: help demo test quick bench real lint types arrows docs fmt clean setup
help:
	@echo "demo test quick bench real lint types arrows docs fmt setup"

.venv/.ready: pyproject.toml uv.lock
	@command -v uv >/dev/null 2>&1 || [ -x .venv-uv/bin/uv ] || ($(PYTHON) -m venv .venv-uv && .venv-uv/bin/pip install -q uv)
	@PATH="$(CURDIR)/.venv-uv/bin:$$PATH" uv sync --frozen -q
	@touch .venv/.ready

setup: .venv/.ready

demo: .venv/.ready
	@$(RUN)setpoint demo

test: .venv/.ready lint types arrows
	$(RUN)python -m pytest -q -n $(JOBS)

quick: .venv/.ready
	$(RUN)python -m pytest -q -n $(JOBS) -m "not slow" -x

real: .venv/.ready
	$(RUN)python -m cases.run

bench: .venv/.ready
	$(RUN)python -m bench

lint: .venv/.ready
	$(RUN)ruff check .
	$(RUN)ruff format --check .

types: .venv/.ready
	$(RUN)mypy

arrows: .venv/.ready
	$(RUN)lint-imports

docs: .venv/.ready
	$(RUN)python docs/build.py

fmt: .venv/.ready
	$(RUN)ruff check --fix .
	$(RUN)ruff format .

clean:
	rm -rf .venv .venv-uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
