# Every command of this project. Each first installs what it needs (see local/setup/setup.sh).
# A recipe is one plain program, not a shell line, so that make passes SIGTERM on to it.

PYTHON_IN_VENV := .venv/bin/python
SAM := .venv-sam/bin/sam
PATHS := layers functions local tests web/python

export SAM_CLI_TELEMETRY := 0

FUNCTION ?=
EVENT ?=
VISITOR ?=
N ?= 40
SEED ?= 1
ARGS ?=
# `make test` runs a sample of the simulation, `make check` all histories that the proof requires.
HISTORIES ?= 4000
PROOF ?= not whole_proof
GATE :=
export HISTORIES
# Hundreds of processes run the same modules: they are compiled once, whatever the machine's environment says.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-run setup-sam setup-audit demo run image preflight rehearsal test check checks lint types template requirements audit bench mutants invoke token smoke probe load block forget clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: setup-sam setup-audit ## Install everything that the other commands need, from uv.lock, into .venv, .venv-sam, .venv-audit
	@./local/setup/setup.sh test

setup-run:
	@./local/setup/setup.sh run

setup-sam:
	@./local/setup/setup.sh sam

setup-audit:
	@./local/setup/setup.sh audit

demo: setup-run ## Start the whole stack, play real typing through it, draw and check the timeline, stop
	@$(PYTHON_IN_VENV) -m local.commands.demo

run: setup-run ## Start the whole stack with its console page; Ctrl-C stops it (PORT=8080)
	@$(PYTHON_IN_VENV) -m local.commands.run

invoke: setup-run ## Invoke the function that takes this event: make invoke EVENT=events/keystroke.json
	@$(PYTHON_IN_VENV) -m local.commands.invoke "$(FUNCTION)" "$(EVENT)"

token: setup-run ## Print a visitor token for the running stack: make token VISITOR=alice
	@$(PYTHON_IN_VENV) -m local.commands.token "$(VISITOR)"

smoke: setup-run ## Check that a deployment works: make smoke STACK=name, or URL=wss://… TOKEN=…; without: the running stack
	@$(PYTHON_IN_VENV) -m local.commands.smoke


probe: setup-run ## Ask a tenant which interface it speaks, and what nobody outside NICE knows: make probe DFO_ENVIRONMENT=NA1 … or CXONE_ORG_ID=…
	@$(PYTHON_IN_VENV) -m local.commands.probe

load: setup-run ## Have many visitors type: make load STACK=name VISITORS=200 MINUTES=5; without STACK: the running stack; CELLS=2: two of its own, one is lost
	@$(PYTHON_IN_VENV) -m local.commands.load


block: setup-run ## Take nothing of one visitor for a while: make block SESSION=alice MINUTES=60 STACK=name (MINUTES=0 lifts it)
	@$(PYTHON_IN_VENV) -m local.commands.block

forget: setup-run ## Delete what is kept of one visitor, and say what remains where: make forget SESSION=alice STACK=name
	@$(PYTHON_IN_VENV) -m local.commands.forget

image: setup-run ## Build the guest keeper's image with docker, podman or finch, and push it to your AWS account (TAG=)
	@$(PYTHON_IN_VENV) -m local.commands.image

preflight: setup-run ## Check what would go wrong with sam deploy, before you run it; read-only (ENV=production)
	@$(PYTHON_IN_VENV) -m local.commands.preflight

rehearsal: setup-run setup-sam ## Deploy both platforms, try, update, roll back, delete: make rehearsal, or first ON=emulator
	@$(PYTHON_IN_VENV) -m local.commands.rehearsal

test: ## Run all tests: some twelve minutes on two cores (ARGS="-k door" to choose)
	@./local/setup/setup.sh test
ifeq ($(ARGS),)
	@echo 'All tests take some twelve minutes on two cores. To run some: make test ARGS="-k door"'
	@$(PYTHON_IN_VENV) -m tests.run $(GATE) -m "$(PROOF)"
else
	$(if $(GATE),@$(MAKE) checks)
	@$(PYTHON_IN_VENV) -m pytest $(ARGS)
endif

check: HISTORIES := 100000
check: PROOF :=
check: GATE := --gate
check: setup test ## Run the gate: lint, types, template, requirements, audit, tests, demo

checks: lint types template requirements audit

lint:
	@./local/setup/setup.sh test
	@$(PYTHON_IN_VENV) -m ruff check $(PATHS)
	@$(PYTHON_IN_VENV) -m ruff format --check $(PATHS)

types:
	@./local/setup/setup.sh test
	@$(PYTHON_IN_VENV) -m mypy

template: setup-sam setup-audit
	@./local/setup/setup.sh test
	@.venv/bin/cfn-lint template.yaml
	@$(SAM) validate --lint --template-file template.yaml --region us-east-1
	@.venv-audit/bin/checkov --config-file .checkov.yaml

requirements:
	@./local/setup/setup.sh test
	@./local/setup/requirements.sh --check

audit: setup-audit
	@./local/setup/audit.sh

bench: export PYTHONPATH := $(CURDIR)/layers/typing_relay
bench: ## Run the benchmarks, each next to a peer in the same run (ARGS="storm" to choose)
	@./local/setup/setup.sh test
	@$(PYTHON_IN_VENV) -m tests.benchmarks $(ARGS)

mutants: export PYTHONPATH := $(CURDIR)/layers/typing_relay
mutants: ## Break the package at random places, N times, and count how often the tests notice (N=40 SEED=1)
	@./local/setup/setup.sh test
	@$(PYTHON_IN_VENV) -m tests.mutants $(N) $(SEED) $(ARGS)

clean: ## Remove what the other commands created: environments, caches, .local
	rm -rf .venv .venv-sam .venv-audit .local .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis
