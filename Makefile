# One word for each thing one does with radpipe. `make help` lists them.
PYTHON ?= python3
VENV := .venv
# Processes that run tests: one more than two processors, because some tests wait for a cluster.
WORKERS ?= 3
BIN := $(VENV)/bin
# Everything below finds the environment's programs, activated or not, and Python keeps what it
# has compiled: torch and Snakemake take twice as long to import without.
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install run app test lint walks bench status doctor experiments record sync verify lock clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

install: $(VENV)/installed  ## Make .venv with the locked versions and radpipe itself

# uv installs in a minute what takes pip ten; its own hash stands in the same lock.
$(VENV)/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "radpipe needs Python 3.11 or newer: make PYTHON=python3.12 install"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { echo "The module venv is missing: apt-get install python3-venv"; exit 2; }
	@sed -n '/^uv==/,/^[a-z]/p' requirements.lock | sed '1n;/^[a-z]/d' > $(VENV)/uv.txt
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r $(VENV)/uv.txt
	$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-build-isolation --no-deps -e .
	@$(BIN)/python -c 'from radpipe.core.versions import link_versions; link_versions()'
	@touch $@

run: install  ## Run everything that params.yaml plans, on all cores of this machine
	@radpipe run

app: install  ## Show a model at work in the browser: a case, its maps, how sure the answer is
	@radpipe app

test: install lint  ## Run every check and test
	python -m coverage erase
	python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report= --cov-fail-under=0 --durations=15
	@if ls .coverage.* >/dev/null 2>&1; then python -m coverage combine --append --quiet; fi
	python -m coverage report

lint: install  ## Check style, types and rules
	ruff check
	ruff format --check
	snakefmt --check Snakefile workflow
	mypy
	snakemake --lint

walks: install  ## Look for lies and losses for hours: thousands of random walks, kills, full disks
	RADPIPE_WALKS=1000 RADPIPE_LOAD=20 python -m pytest -n $(WORKERS) tests/engines/test_walks.py tests/engines/test_load.py

bench: install  ## Measure speed; each benchmark prints its targets
	@for file in benchmarks/*.py; do echo "== $$file"; python $$file || exit 1; done

record: install  ## Verify every receipt, then let DVC write data, models and results down
	@radpipe record

sync: install  ## Fetch what this commit recorded, and verify it
	@radpipe sync

status: install  ## Show what is done, running, stale or failed
	@radpipe status

doctor: install  ## Tell what will go wrong on this machine, and the way out
	@radpipe doctor

experiments: install  ## Show DVC's experiments in the few columns that matter
	@radpipe experiments

verify: install  ## Say what disagrees with settings, code and files of now
	@radpipe verify

lock: install  ## Write requirements.lock anew from pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --extra timm --extra app --extra onnx --extra dicom --group pyproject.toml:dev pyproject.toml -o requirements.lock \
	  --custom-compile-command "make lock"

# What `make sync` has set aside is nowhere else, and openings of test stay counted without Git.
clean:  ## Remove everything that steps made (data of your own is never touched)
	rm -rf data results logs .snakemake
	@test ! -d .state || find .state -mindepth 1 -maxdepth 1 \
	  ! -name set-aside ! -name 'openings.*' -exec rm -rf {} +
