# The two commands of a newcomer: make demo, make test.
PYTHON ?= python3
VENV := .venv
EDGE := .venv-edge
BIN := $(VENV)/bin
UV := $(BIN)/uv
WHEELS := build/wheels
# A folder that `make wheelhouse` filled: then nothing is asked of an index.
WHEELHOUSE ?=
FROM = $(if $(WHEELHOUSE),--no-index --find-links $(abspath $(WHEELHOUSE))/platform --find-links $(abspath $(WHEELHOUSE))/edge)
FROM_UV = $(if $(WHEELHOUSE),--offline $(FROM))
DEVICES ?= aarch64-py3.10 aarch64-py3.12

export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export DO_NOT_TRACK := 1

.PHONY: help setup demo dev bench test lint lock wheelhouse clean

help:            ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

setup: $(VENV)/.ready $(EDGE)/.ready ## make .venv (platform) and .venv-edge (edge runtime alone) from the locks

$(VENV)/.ready: requirements.lock bootstrap.lock pyproject.toml edge_runtime/pyproject.toml
	@echo "setting up $(VENV) from requirements.lock"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(FROM) --require-hashes -r bootstrap.lock
	@$(UV) pip sync --quiet $(FROM_UV) --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet $(FROM_UV) --python $(BIN)/python --no-deps --no-build-isolation -e edge_runtime -e .
	@$(BIN)/factory manifest
	@touch $@

$(EDGE)/.ready: $(VENV)/.ready edge_runtime/requirements.lock $(shell find edge_runtime/src -type f -not -name "*.pyc")
	@echo "setting up $(EDGE) from edge_runtime/requirements.lock"
	@$(UV) venv --quiet --clear --python $(BIN)/python $(EDGE)
	@$(UV) pip sync --quiet $(FROM_UV) --python $(EDGE)/bin/python --require-hashes edge_runtime/requirements.lock
	@rm -rf $(WHEELS) && $(UV) build --quiet --wheel --no-build-isolation --python $(BIN)/python -o $(WHEELS) edge_runtime
	@$(UV) pip install --quiet $(FROM_UV) --python $(EDGE)/bin/python --no-deps $(WHEELS)/*.whl
	@touch $@

demo: setup      ## run the whole graph on the reference plant, then let the edge predict
	@$(BIN)/factory demo --edge $(EDGE)/bin/factory-edge

dev: setup       ## Dagster UI on this machine, with sensors and schedules
	@$(BIN)/factory dev

bench: setup     ## the benchmarks, against their goals and baselines; writes docs/benchmarks.md
	@$(BIN)/factory bench --write docs/benchmarks.md

lint: setup      ## style, types, import walls
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint       ## every check
	$(BIN)/pytest --numprocesses 2 --dist loadfile

lock:            ## resolve both locks anew
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-emit-package factory-edge --extra dev pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url --no-header \
	  --extra inspection --extra openvino --extra plc edge_runtime/pyproject.toml -o edge_runtime/requirements.lock
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --constraint requirements.lock bootstrap.in -o bootstrap.lock

wheelhouse: setup ## every package of the locks in build/wheelhouse (or OUT=dir), for a network without an index
	@$(BIN)/python scripts/wheelhouse.py $(or $(OUT),build/wheelhouse) $(foreach device,$(DEVICES),--edge-for $(device))

clean:           ## remove what the commands made; .factory (plant state) stays unless you remove it
	rm -rf $(VENV) $(EDGE) build dbt_project/target dbt_project/logs .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
