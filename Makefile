# Everything a person or CI runs. Each target does its own set-up, and is quick the second time.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NPM := build/npm
# Bytecode of the packages is written once, whatever a container's image says: see tools/setup.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test stories fuzz load soak sim sim-mutants check lint types template machines conformance audit audit-selftest aws-smoke iam problems images clients bench mlflow shap fair coverage rows services new-operation sam-local wheels clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/run.ready ## Install what the laptop's cloud and the command need

$(VENV)/run.ready: requirements/run.txt pyproject.toml localcloud/pyproject.toml tools/setup
	@PYTHON=$(PYTHON) tools/setup run

$(VENV)/dev.ready: $(VENV)/run.ready requirements/dev.txt
	@tools/setup dev

.venv-sam/sam.ready: $(VENV)/run.ready requirements/sam.txt
	@tools/setup sam

.venv-clients/clients.ready: requirements/clients.txt $(VENV)/run.ready
	@tools/setup clients

.venv-bench/bench.ready: requirements/bench.txt
	@tools/setup bench

.venv-mlflow/mlflow.ready: requirements/mlflow.txt
	@tools/setup mlflow

.venv-shap/shap.ready: requirements/shap.txt
	@tools/setup shap

.venv-audit/audit.ready: requirements/audit.txt $(VENV)/run.ready
	@tools/setup audit

$(NPM)/npm.ready: requirements/npm.txt
	@tools/setup npm

demo: $(VENV)/run.ready ## Watch the whole loop turn on real flights
	@$(BIN)/everloop demo

test: $(VENV)/dev.ready ## Run every test that needs nothing but this machine, less the long stories
	@# More processes than many machines have cores: most of a test's time is waiting for a cloud.
	@$(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

stories: $(VENV)/dev.ready ## Run the long stories, too: kills, quotas, removals, bad days, each in a cloud of its own
	@STORIES=all $(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder -m long

fuzz: $(VENV)/dev.ready ## Hostile input: cases and findings of each target; CASES=20000 of them
	@$(BIN)/python tests/fuzz/run.py $(or $(CASES),20000)

load: $(VENV)/dev.ready ## 10,000 objects in one burst, 1,000 models in one stack: losses, costs, throughput
	@$(BIN)/python -m proofs.load

soak: $(VENV)/dev.ready ## Turn the loop many times: does memory grow, and what holds it? LOOPS=60, TRACE=1 for lines
	@LOCALCLOUD_TRACE=$(TRACE) $(BIN)/python -m proofs.load.soak --loops $(or $(LOOPS),20)

sim: $(VENV)/dev.ready ## Faults at every call, judged: SEEDS=1000, or SEED=42 TRACE=1 for one history to read
	@$(BIN)/python -m proofs.sim $(if $(SEED),--seed $(SEED) $(if $(TRACE),--trace),--seeds $(or $(SEEDS),1000) $(if $(TWICE),--twice))

sim-mutants: $(VENV)/dev.ready ## Plant flaws in the product: how many histories see each?
	@$(BIN)/python -m proofs.sim.mutation $(if $(SEEDS),--seeds $(SEEDS)) $(if $(FIRST),--first)

# Two at a time, each of one process; what each says stays together. The tests fill a machine alone.
check: $(VENV)/dev.ready .venv-sam/sam.ready $(NPM)/npm.ready ## The gate: the same for a person and for CI
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint types template machines conformance
	@$(MAKE) --no-print-directory test

lint: $(VENV)/dev.ready ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.ready ## Types
	$(BIN)/mypy

template: $(VENV)/dev.ready .venv-sam/sam.ready ## template.yaml: cfn-lint (source and translated), sam validate, sam build
	@tools/check-template

machines: $(VENV)/dev.ready $(NPM)/npm.ready ## State machines: asl-validator
	@tools/check-machines

conformance: $(VENV)/dev.ready ## Cases recorded from AWS: counts per group
	@$(BIN)/python tests/conformance/run.py

audit: .venv-audit/audit.ready ## What auditors find in template, policies, code and requirements (ONLINE=1: known vulnerabilities)
	@PYTHONPATH=localcloud .venv-audit/bin/python -m proofs.audit $(if $(ONLINE),--online)

audit-selftest: .venv-audit/audit.ready ## Plant flaws into a copy: is each found?
	@PYTHONPATH=localcloud .venv-audit/bin/python -m proofs.audit --selftest

problems: $(VENV)/dev.ready ## Write the table of problems and metrics from the jobs' own files
	@$(BIN)/python tools/problem_table.py

images: .venv-clients/clients.ready ## Write the table of AWS's images from the SageMaker SDK's own list
	@.venv-clients/bin/python tools/image_table.py

clients: .venv-clients/clients.ready ## Scripts of strangers, with AWS's own clients: which work unchanged; ONLY="walk_through cli_s3"
	@.venv-clients/bin/python tools/image_table.py --check
	@$(BIN)/python proofs/clients/run.py $(ONLY)

mlflow: $(VENV)/dev.ready .venv-mlflow/mlflow.ready ## Note runs in a real MLflow server of an environment of its own
	@$(BIN)/python tools/with_mlflow.py .venv-mlflow/bin/mlflow $(BIN)/python -m pytest -q tests/jobs/test_mlflow.py

shap: .venv-shap/shap.ready ## Hold the reasons of `everloop explain` to the package shap, in an environment of its own
	@.venv-shap/bin/python proofs/fair/against_shap.py

fair: $(VENV)/dev.ready ## Data with a known bias through the loop: refused, mended, released, watched; pages in build/fair
	@$(BIN)/python -m proofs.fair

bench: $(VENV)/dev.ready .venv-bench/bench.ready ## Figures, measured side by side in one run
	@$(BIN)/python -m proofs.bench

coverage: $(VENV)/dev.ready ## How often a 95 % interval of the bootstrap holds the truth, by simulation (some minutes)
	@$(BIN)/python -m proofs.bench.coverage

rows: $(VENV)/dev.ready ## Check and prepare 1 and 5 million rows in each format: memory and time; ROWS="1000000 20000000"
	@$(BIN)/python -m proofs.rows $(ROWS) $(if $(FORMATS),--formats $(FORMATS)) $(if $(BY),--by $(BY))

aws-smoke: $(VENV)/dev.ready ## One whole loop in a cloud of its own; ARGS=--yes-this-costs: in your AWS account
	@$(BIN)/python -m proofs.smoke $(ARGS)

services: $(VENV)/run.ready ## Write docs/services.md: what the laptop's cloud answers
	@$(BIN)/everloop services --markdown > docs/services.md

new-operation: $(VENV)/dev.ready ## Begin an operation of the laptop's cloud: SERVICE=sqs NAME=ListQueues (PART=registry)
	@$(BIN)/python tools/new_operation.py $(SERVICE) $(NAME) $(PART)

iam: $(VENV)/dev.ready ## Permissions: each role's grants beside what runs demand of it, and no way to more
	@$(BIN)/python -m proofs.audit.permissions $(if $(EVIDENCE),--evidence $(EVIDENCE))

wheels: $(VENV)/run.ready ## Build both wheels, and use them outside of the clone, on 3.11 and a newer Python
	@tools/check-wheels

sam-local: $(VENV)/run.ready .venv-sam/sam.ready ## sam local invoke in a real container (needs Docker; see docs)
	@tools/sam-local

clean: ## Remove what was built and the local cloud's state
	rm -rf $(VENV) .venv-sam .venv-clients .venv-bench .venv-shap .venv-audit build .aws-sam .everloop
