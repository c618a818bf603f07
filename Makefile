# make demo      score a demo dataset on this machine and show the result
# make test      lint-free minutes: unit tests, local Spark, the command, the wheel
# make test-all  adds what takes longer

PYTHON ?= python3
BIN := .venv/bin
SOURCES := pyproject.toml constraints.txt

.PHONY: setup demo test test-all lint types clean

setup: .venv/ready

.venv/ready: $(SOURCES)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[local,dev]'
	touch $@

demo: setup
	$(BIN)/semscore demo build/demo

test: setup
	$(BIN)/pytest -m 'not slow'

test-all: setup
	$(BIN)/pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy reads the sources under the names that the installed package gives them.
types: setup
	mkdir -p build/names/semscore
	for room in conf jobs udfs; do ln -sfn ../../../$$room build/names/semscore/$$room; done
	$(BIN)/mypy -p semscore.jobs -p semscore.udfs

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
