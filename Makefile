# Two commands: `make demo` shows the main job on sample photos, `make test` runs the tests. Both set everything up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo/archive

.PHONY: help demo test test-export test-browser screenshots lint format check bench clean

help:
	@echo "make demo        set up and tag the sample photos"
	@echo "make test        set up and run the tests"
	@echo "make check       tests, lint and types (what CI runs, with test-export)"
	@echo "make test-export set up PyTorch beside, export tiny models and compare all models with it"
	@echo "make test-browser set up Chromium (Debian's) and drive the web app with it"
	@echo "make screenshots  a picture of every page of the web app, into screenshots/"
	@echo "make bench       measure speed and memory, each beside its target"
	@echo "make clean       remove the environments and the demo's archive"

$(VENV)/base: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "urbextag needs Python 3.11 or later: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot make environments; on Debian: apt install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/test: $(VENV)/base
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/browser: $(VENV)/test
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,browser]'
	@if ! command -v "$${CHROMIUM:-chromium}" > /dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
			apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium; \
		else echo "Chromium is missing; on Debian: apt install chromium, elsewhere: CHROMIUM=/path/to/it make ..."; exit 1; \
		fi; \
	fi
	@touch $@

$(VENV)/dev: $(VENV)/test
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
	@touch $@

.venv-export/done: pyproject.toml
	$(PYTHON) -m venv .venv-export
	.venv-export/bin/pip install --quiet --disable-pip-version-check --editable '.[test,export]'
	@touch $@

demo: $(VENV)/base
	@BIN=$(CURDIR)/$(BIN) demo/run.sh $(DEMO)

test: $(VENV)/test
	$(BIN)/python -m pytest -m 'not torch and not browser' -n 2 --dist loadfile --no-loadscope-reorder

test-browser: $(VENV)/browser
	$(BIN)/python -m pytest -m browser -n 2 --dist loadfile tests/browser

screenshots: $(VENV)/browser
	$(BIN)/python tools/screenshots.py screenshots

test-export: .venv-export/done
	.venv-export/bin/python -m pytest -m torch -n 2 --dist loadfile

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: test lint

bench: $(VENV)/test .venv-export/done
	EXPORT_PYTHON=$(CURDIR)/.venv-export/bin/python $(BIN)/python -m bench

clean:
	rm -rf $(VENV) .venv-export $(DEMO) bench/work
