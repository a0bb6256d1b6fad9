# segwork: `make run` and `make test` do all their own set-up in .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Optional packages the tests use; CI adds spark and stream.
EXTRAS ?= test
# The ordinary notebooks' settings; any segwork.toml will do.
CONFIG ?= notebooks/configs/sample.toml
OUT    ?= reports
# benchmarks/ is not part of the package: its notebooks find it beside them.
BENCH  := PYTHONPATH=$(CURDIR) $(BIN)/segwork run --notebooks benchmarks/notebooks --out $(OUT)

# Public data beside the project, where it exists (see data/README.md).
ifneq ($(wildcard ../shared/data),)
export SEGWORK_DATA ?= $(abspath ../shared/data)
endif

.DEFAULT_GOAL := help
.PHONY: help setup run test lint format docs picture size lab bench bench-quick bench-peers stream weights referee clean

help: ## print the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.installed ## build .venv with segwork installed editable

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "segwork needs Python 3.11 or newer; name one with: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing segwork and its packages into $(VENV) (a few minutes the first time)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	@echo "Installing what $* needs"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[$*]'
	@touch '$@'

run: setup ## run the whole workbench on the sample company (or CONFIG=…) and name the report
	$(BIN)/segwork run --config $(CONFIG) --out $(OUT)

test: $(VENV)/.installed-$(EXTRAS) ## check style and run the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.installed-$(EXTRAS) ## ruff, and the rules about notebooks and configs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/segwork check $(CONFIG)

format: $(VENV)/.installed-$(EXTRAS) ## put the code into the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup ## build the pages of docs/ as a site in build/site; needs no network once installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	$(BIN)/python -m sphinx -q -W --keep-going -E -d build/doctrees -b html docs build/site
	@echo $(CURDIR)/build/site/index.html

picture: $(VENV)/.installed-$(EXTRAS) ## draw the README's picture from the report in OUT
	$(BIN)/python tools/picture.py $(OUT)/segwork docs/report.png

size: ## print the lines of code by room
	@$(PYTHON) tools/size.py

lab: setup ## open the notebooks in JupyterLab
	PYTHONPATH=$(CURDIR) $(BIN)/segwork lab

bench: $(VENV)/.installed-test,stream ## run every benchmark notebook in full (an hour or more)
	$(BENCH) --config benchmarks/configs/full.toml

bench-quick: $(VENV)/.installed-test,stream ## the same with small settings (minutes)
	$(BENCH) --config benchmarks/configs/quick.toml

# Broker, replay and job on the sample company; what the jars are: docs/stream.md.
stream: $(VENV)/.installed-test,stream ## replay three months of the sample through Kafka and Spark, and look on (5 minutes)
	$(BIN)/python -m benchmarks.stream.show

# One thread: sums in the last digit must not depend on how many cores there are.
weights: setup ## train the change-point networks anew and take their thresholds (an hour)
	OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1 \
	  $(BIN)/python -m benchmarks.changepoints.train

# The referees that select segments; clustered tables stay in .segwork, so it can be stopped.
referee: setup ## simulate tables and train the segments' two referees again (90 minutes)
	$(BIN)/python -m benchmarks.clustering.referee_training any .segwork/referee segwork/clustering/judging/referee.npz
	$(BIN)/python -m benchmarks.clustering.referee_training customers .segwork/referee_customers segwork/clustering/judging/referee_customers.npz

# Other people's audits on our plants: one environment, one adapter and one file of alarms each.
# They are asked not to call home.
PEERS := pandera pointblank evidently great_expectations ydata_profiling deepchecks
bench-peers: export GX_ANALYTICS_ENABLED := false
bench-peers: export DO_NOT_TRACK := 1
bench-peers: export YDATA_PROFILING_NO_ANALYTICS := true
bench-peers: export DISABLE_DEEPCHECKS_ANONYMOUS_TELEMETRY := true
bench-peers: export DISABLE_LATEST_VERSION_CHECK := true
bench-peers: setup $(PEERS:%=build/peers/%.tried) ## run six other audits on the same planted faults (an hour)
	$(BIN)/python -m benchmarks.peers.run write build/peers
	@for peer in $(PEERS); do \
	  test ! -e build/peers/$$peer.absent || continue; \
	  rm -f build/peers/$$peer.jsonl; echo "Running $$peer"; \
	  build/peers/$$peer/bin/python -W ignore benchmarks/peers/adapters/run_$$peer.py build/peers/plants build/peers/$$peer.jsonl || exit 1; \
	done
	@rm -f build/peers/deepchecks_models.jsonl; test -e build/peers/deepchecks.absent || \
	  build/peers/deepchecks/bin/python -W ignore benchmarks/peers/adapters/run_deepchecks_models.py build/peers/models build/peers/deepchecks_models.jsonl
	$(BIN)/python -m benchmarks.peers.run score build/peers --claims benchmarks/peers/adapters/claims.toml --made $$(date +%F)

build/peers/%.tried: benchmarks/peers/adapters/%.txt
	@rm -rf build/peers/$* build/peers/$*.absent && mkdir -p build/peers
	@echo "Installing $*"
	@$(PYTHON) -m venv build/peers/$* && build/peers/$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $< \
	  || echo "$$(grep -i "^$$(echo $* | tr _ .)==" $<) does not install on $$($(PYTHON) --version)" > build/peers/$*.absent
	@touch $@

clean: ## remove the environment, generated data and reports
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .segwork data/sample
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find reports -mindepth 1 -not -name README.md -delete 2>/dev/null || true
