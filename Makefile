# Everything from an empty clone. Each target makes the virtual environment that it needs; a second run is quick.

PYTHON ?= python3
VENV ?= .venv
# A folder of your own crops, or the captures rendered for this repository.
CROPS ?= weights/captures
BUNDLE := demo/hpa-nano-cn.elpr
SHIPPED := hpa-nano-cn hpa-nano-cn-rendered hpa-nano-latin hpa-resnet18-cn iq-stan-cn
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help demo bundles test test-all lint wheel clean

help: ## this list
	@echo "usage: make TARGET [PYTHON=python3.11] [CROPS=/my/folder]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s%s\n", $$1, $$2}'

demo: $(VENV)/.edgelpr-demo ## from a trained checkpoint to a verified bundle to plates, with its speed
	@mkdir -p $(dir $(BUNDLE))
	$(VENV)/bin/edgelpr export hpa-nano-cn -o $(BUNDLE) --overwrite
	$(VENV)/bin/edgelpr eval $(BUNDLE) weights/captures/labels.csv --record
	$(VENV)/bin/edgelpr inspect $(BUNDLE)
	$(VENV)/bin/edgelpr read $(BUNDLE) "$(CROPS)"
	$(VENV)/bin/python benchmarks/speed.py --bundle $(BUNDLE) --images weights/captures/images --quick

bundles: $(VENV)/.edgelpr-demo ## the shipped weights as bundles with fp16 and INT8, in bundles/
	@mkdir -p bundles
	@set -e; for name in $(SHIPPED); do \
	  $(VENV)/bin/edgelpr export $$name -o bundles/$$name.elpr --overwrite; \
	  $(VENV)/bin/edgelpr calibrate bundles/$$name.elpr --reuse calibration/$$name.json; \
	done

test: lint ## style, types, import rules, and the tests but for the slow ones
	$(VENV)/bin/python -m pytest -q -m "not slow"

test-all: lint ## the same with every test
	$(VENV)/bin/python -m pytest -q

lint: $(VENV)/.edgelpr-dev ## style, types, import rules
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check --quiet .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

wheel: $(VENV)/.edgelpr-dev ## the package, into dist/
	rm -rf build
	$(VENV)/bin/python -m build --wheel --no-isolation

clean: ## remove what the targets made
	rm -rf $(VENV) build dist demo bundles edgelpr.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# A stamp is newer than what it was made from, so that installing happens once.
$(VENV)/.edgelpr-venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { \
	  echo "edgelpr needs Python 3.10 or newer; '$(PYTHON)' is absent or older." >&2; \
	  echo "Name another one: make $(or $(MAKECMDGOALS),demo) PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.edgelpr-demo: $(VENV)/.edgelpr-venv setup.cfg setup.py constraints.txt
	$(PIP) --editable '.[export]'
	@touch $@

$(VENV)/.edgelpr-dev: $(VENV)/.edgelpr-venv setup.cfg setup.py constraints.txt
	$(PIP) --editable '.[dev]'
	@touch $@
