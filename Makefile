# Everything a newcomer runs. `make` alone lists the targets.
PYTHON ?= python3
JOBS ?= 2
BIN := .venv/bin
TSC := .cache/typescript/node_modules/.bin/tsc
PIP := $(BIN)/python -m pip install -q --disable-pip-version-check

DEMO_CONFIG := configs/demo/deeplabv3plus_resnet-v2-222-w32_ce-dice-adamw-1000it_demo-192x192.py
export DEMO_DATA ?= .demo/data

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv install install-dev demo pictures report test tests examples lint types-js docs format clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

venv: $(BIN)/python ## make the virtual environment .venv (Python 3.11 or newer; PYTHON=… chooses one)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("error: mmseg_ext needs Python 3.11 or newer, $(PYTHON) is %d.%d; choose another: make PYTHON=python3.12 …" % v[:2])'
	$(PYTHON) -m venv .venv

install: .venv/.installed ## install the pinned requirements and mmseg_ext itself (editable)

.venv/.installed: requirements.txt pyproject.toml | $(BIN)/python
	$(PIP) -r requirements.txt
	$(PIP) --no-deps -e .
	@touch $@

install-dev: .venv/.installed-dev ## install what tests and lint need as well

.venv/.installed-dev: .venv/.installed
	$(PIP) -r requirements.txt -e '.[dev]'
	@touch $@

# Defects are planted in `labels` of train and val; the masks of test are exact.
demo: .demo/run/.finished ## synthetic pets: data, audit, training, test, errors; takes up where an interrupted run stopped
	$(BIN)/mmseg-ext audit '$(DEMO_DATA)' --splits train,val --out .demo/audit --fail-on never --overwrite
	$(BIN)/mmseg-ext test $(DEMO_CONFIG) .demo/run --split test --out .demo/result --overwrite
	$(BIN)/mmseg-ext test $(DEMO_CONFIG) .demo/run --split val --labels labels --out .demo/val --probabilities --overwrite
	$(BIN)/mmseg-ext errors .demo/val --corrected labels_true --out .demo/errors --overwrite
	$(BIN)/mmseg-ext compare .demo/run .demo/result --out .demo/comparison.html --overwrite
	@printf '\nData: %s   Run: .demo/run   Metrics, records and masks: .demo/result\nPages to open in a browser:\n' '$(DEMO_DATA)'
	@printf '  %-24s %s\n' .demo/audit/audit.html 'which masks are wrong' \
		.demo/errors/errors.html 'why the model fails' .demo/comparison.html 'the run and its test'

pictures: install-dev demo ## draw docs/images of README and tutorial from the demo's pages (needs Chromium)
	$(BIN)/mmseg-ext clean '$(DEMO_DATA)' --splits train,val --to labels_clean --dry-run --report .demo/cleaning --overwrite
	$(BIN)/mmseg-ext predict $(DEMO_CONFIG) .demo/run '$(DEMO_DATA)/img/test' --out .demo/predicted --overlay --overwrite
	$(BIN)/python docs/pictures.py .demo

# The generator skips a complete set. A run that an interruption left half-way is resumed from its last checkpoint.
# The config trains on the exact masks (`labels_true`), not on those with the planted errors.
.demo/run/.finished: | .venv/.installed
	$(BIN)/mmseg-ext demo '$(DEMO_DATA)' --train 300 --test 80
	$(BIN)/mmseg-ext train $(DEMO_CONFIG) --work-dir .demo/run $$(test ! -e .demo/run/last_checkpoint || echo --resume)
	@touch $@

report: install ## write practicum_work/reports/REPORT.md (PETS_ROOT=… says where the pets lie; SCORES=… blind test scores)
	$(BIN)/python practicum_work/write_report.py '$(or $(PETS_ROOT),data/pets)' $(if $(SCORES),--test-scores '$(SCORES)')

test: tests examples ## run all tests (JOBS=2 at a time), then the examples in docstrings

tests: install-dev
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

examples: install-dev
	$(BIN)/python -m pytest -q -p no:xdist --doctest-modules mmseg_ext

lint: install-dev ## style, import directions, types, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/codespell

types-js: $(TSC) ## check the types of the review page (needs npm)
	$(TSC) -p jsconfig.json

$(TSC):
	npm install --silent --no-save --no-package-lock --prefix .cache/typescript typescript@5.9.3

docs: install-dev ## build the documentation as a site, in site/; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q
	@echo 'Home page: site/index.html'

format: install-dev ## put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove caches, builds and the demo (not .venv, data, work_dirs)
	rm -rf .demo .cache site .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache build dist *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
