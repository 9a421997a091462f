# One word per need. `make demo` and `make test` need nothing but Python 3.11+, git and the package registry.
PYTHON ?= python3
# Four on two cores: tests wait now and then, for each other's locks and for limits that run out.
JOBS ?= 4
RUN := .venv/bin/

# Containers often forbid bytecode; start-up time would be spent on compiling.
export PYTHONDONTWRITEBYTECODE :=
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never
export UV_HTTP_TIMEOUT ?= 180
# The machine's own trust store: behind a company proxy the built-in one knows nobody. uv, older versions of it, Node.
export UV_SYSTEM_CERTS ?= true
export UV_NATIVE_TLS ?= true
export NODE_USE_SYSTEM_CA ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-orders demo-avatar test agents test-agents quick every real test-mcp judge bench simulate audit sbom lint types arrows docs fmt clean

help: ## these words
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: .venv/.ready ## the environment, from the lock file
.venv/.ready: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "setpoint needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1 | head -n 1)"; \
	  echo "next: make PYTHON=/path/to/python3.11 $(or $(MAKECMDGOALS),setup)"; exit 2; } >&2
	@uv --version >/dev/null 2>&1 || [ -x .venv-uv/bin/uv ] || { \
	  $(PYTHON) -m venv .venv-uv && .venv-uv/bin/python -m pip install -q uv; } || { \
	  rm -rf .venv-uv; echo "could not install uv with $(PYTHON): is its venv module there (python3-venv), and the registry in reach?"; exit 2; } >&2
	@PATH="$(CURDIR)/.venv-uv/bin:$$PATH" uv sync --frozen --quiet --compile-bytecode --python "$(PYTHON)"
	@$(RUN)python -m compileall -q src
	@touch $@

demo: .venv/.ready ## a whole ticket on real code, start to finish: no key, no server
	@$(RUN)setpoint demo

demo-orders: .venv/.ready ## the same with POST /orders: five tasks, twelve scenarios, log and database checks
	@$(RUN)setpoint demo --case orders

demo-avatar: .venv/.ready ## the same in TypeScript: a profile page with pictures (node and its packages come from the registries)
	@$(RUN)setpoint demo --case avatar

test: .venv/.ready lint types arrows ## everything that must hold
	$(RUN)python -m pytest -q -n $(JOBS) --dist worksteal

AGENTS ?= claude-code claude-code-headless codex codex-headless opencode gemini
agents: .venv/.ready ## real agent CLIs at pinned versions, into .tools; AGENTS="…" for some of them
	@PATH="$(CURDIR)/.venv-uv/bin:$$PATH" $(RUN)python tests/real_agents/install.py $(AGENTS)

test-agents: agents ## each of these agents carries the signup ticket against a scripted model; with a headless one, the extra's SDK
	$(if $(findstring claude-code-headless,$(AGENTS)),@PATH="$(CURDIR)/.venv-uv/bin:$$PATH" uv sync --frozen --quiet --inexact --extra claude-sdk)
	AGENTS="$(AGENTS)" $(RUN)python -m pytest -q -n 2 tests/real_agents $(if $(findstring headless,$(AGENTS)),tests/agents/test_headless_agents.py)

QUICK := pipeline loop models config intake prompts policy demo house/test_docs.py house/test_sizes.py house/test_arrows.py \
	$(addprefix agents/,test_agent_wire.py test_agent_limits.py test_agent_tools.py test_risks.py) gates/test_tasks_md.py gates/test_secrets.py
quick: .venv/.ready ## the tests of what decides, under a minute, up to the first failure
	$(RUN)python -m pytest -q -n $(JOBS) --dist worksteal -m "not slow" -x $(addprefix tests/,$(QUICK))

every: .venv/.ready ## all tests with all their cases: `make test` takes a sample of those that play whole runs
	SETPOINT_EVERY_POINT=1 $(RUN)python -m pytest -q -n $(JOBS) --dist worksteal

real: .venv/.ready ## the cases on real projects
	$(RUN)python -m cases.run

test-mcp: .venv/.ready ## the servers of docs/mcp.md from npm, each started in the sandbox and used
	$(RUN)python -m pytest -q cases/tool_servers

judge: .venv/.ready ## the corpus of honest and dishonest changes: both rates, and a table by class
	$(RUN)python tests/judgement/verdicts.py

bench: .venv/.ready ## what setpoint adds, beside the bare limit
	$(RUN)python -m bench

simulate: .venv/.ready ## the controller on loops of known nature, beside fixed numbers of rounds and an oracle
	$(RUN)python -m bench.simulate

lint: .venv/.ready ## style
	$(RUN)ruff check .
	$(RUN)ruff format --check .

types: .venv/.ready ## types
	$(RUN)mypy

arrows: .venv/.ready ## the arrows between the parts
	$(RUN)lint-imports --no-logo

docs: .venv/.ready ## the pages that are made from the code
	$(RUN)python docs/build.py

audit: .venv/.ready ## known vulnerabilities of what is locked; asks the advisory database
	@PATH="$(CURDIR)/.venv-uv/bin:$$PATH" uv audit --frozen

sbom: .venv/.ready ## the bill of materials of what is locked, as dist/sbom.json (CycloneDX)
	@mkdir -p dist
	@PATH="$(CURDIR)/.venv-uv/bin:$$PATH" uv export --frozen --no-dev --all-extras --quiet --format cyclonedx1.5 -o dist/sbom.json
	@$(RUN)python -c "import json; found = json.load(open('dist/sbom.json'))['components']; print(f'{len(found)} components in dist/sbom.json')"

fmt: .venv/.ready ## mend the style
	$(RUN)ruff check --fix .
	$(RUN)ruff format .

clean: ## back to the clone
	rm -rf .venv .venv-uv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find src tests docs -name __pycache__ -type d -prune -exec rm -rf {} +
