# The verbs of the project. Each depends on what it needs, so that any of them works on
# a fresh clone; a step that was cut short is taken up again. `make` alone lists them.

STACK ?= default
PYTHON ?= python3
FILE ?=
DOCS_PORT ?= 8080
SAMPLE := data/assessment-attempts-sample.json

export STACK
export DBT_PROFILES_DIR := profiles
BIN := .venv/bin
# dbt and ingest find the stack's services by these; what the user has set stays.
RUN := .stack/$(STACK)/run
BUILT := $(RUN)/built-$(or $(DBT_TARGET),shared)-$(DBT_SCHEMA_PREFIX)
CLIENT := . .stack/$(STACK)/conf/client.env &&
JAVA := $(if $(JAVA_HOME),$(JAVA_HOME)/bin/)java

.DEFAULT_GOAL := help
.PHONY: help run test up down status publish ingest build answers report \
	notebook docs sql lint clean test-compose setup check ports chromium lock

help: ## list the verbs
	@echo "usage: make VERB [FILE=path] [STACK=name]"
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | \
		awk -F '\t' '{ printf "  %-13s %s\n", $$1, $$2 }'

run: up ## the main job: set up, start, publish (the sample, or FILE), land, build, answer
	@$(CLIENT) $(BIN)/python -m ingest publish $(if $(FILE),"$(FILE)",--if-empty $(SAMPLE))
	@$(CLIENT) $(BIN)/python -m ingest drain --snapshot-file $(RUN)/raw-snapshot
	@$(MAKE) --silent $(BUILT)
	@$(CLIENT) $(BIN)/dbt --quiet parse && $(BIN)/python -m answers

up: ports setup ## start the services and wait until each one answers
	@$(BIN)/python -m services up

down: .venv/.complete ## stop the services; all data stays
	@$(BIN)/python -m services down

status: .venv/.complete ## state, port and log file of each service; topic lag; raw rows
	@test -f .stack/$(STACK)/conf/client.env || { echo "stack '$(STACK)' was never started: make up" >&2; exit 1; }
	@$(CLIENT) $(BIN)/python -m services status

publish: up ## publish FILE to the topic
	@$(if $(FILE),,echo "publish what? make publish FILE=path" >&2; exit 2;) \
		$(CLIENT) $(BIN)/python -m ingest publish "$(FILE)"

ingest: up ## land every message that is in the topic now
	@$(CLIENT) $(BIN)/python -m ingest drain

build: up ## dbt build: seeds, models and every test
	@$(CLIENT) $(BIN)/dbt build && touch $(BUILT)

# What `make run` builds: once for each state of the raw table and of the dbt project.
$(BUILT): $(RUN)/raw-snapshot dbt_project.yml $(shell find models macros seeds profiles \
		tests/assertions tests/generic -type f)
	@$(CLIENT) $(BIN)/dbt build && touch $@

# Parsed anew, for the manifest may be of another target (partial parsing takes a second).
answers: up ## print the eight answers
	@$(CLIENT) $(BIN)/dbt --quiet parse && $(BIN)/python -m answers

# A failed test does not keep the report back: it says so.
report: up ## test, run the notebook on the live tables, write target/report.html
	@$(CLIENT) { $(BIN)/dbt test || [ $$? = 1 ]; } && $(BIN)/python -m notebooks.report

notebook: up ## open the notebook in Jupyter
	@$(CLIENT) $(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) \
		notebooks/tracking_user_activity.ipynb

# dbt's page asks for icons before it knows which ones, and for a favicon that it lacks:
# here it asks for neither, so that a browser's console shows real errors alone.
# `dbt docs serve` would put its own page back.
docs: up ## generate and serve the lineage site; one file of it is static_index.html
	@$(CLIENT) $(BIN)/dbt docs generate --static && cd "$${DBT_TARGET_PATH:-target}" && \
		sed -i.dbt -e 's/xlink:href="{{/ng-attr-&/g' \
			-e "s/\$${require('[^']*favicon.ico')}/data:,/g" index.html static_index.html && \
		echo "serving http://127.0.0.1:$(DOCS_PORT), to be stopped by Ctrl-C; to send it" \
			"to somebody: $$PWD/static_index.html" && \
		exec $(abspath $(BIN))/python -m http.server --bind 127.0.0.1 $(DOCS_PORT)

sql: up ## a SQL prompt on the marts
	@$(CLIENT) . .stack/$(STACK)/conf/services.env && export SPARK_HOME && \
		"$$SPARK_HOME/bin/beeline" -u "jdbc:hive2://$$SPARK_THRIFT_HOST:$$SPARK_THRIFT_PORT/marts" --silent=true

# The stack of the tests, so that it is their ports that have to be free.
test: STACK = test
test: ports setup chromium lint ## every check, end to end on services of its own
	@$(BIN)/pytest

test-compose: setup ## the same in containers and on a cluster, on a real engine (Debian, root)
	@services/test-compose.sh

lint: setup ## ruff, mypy, sqlfluff
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --processes 2 models tests/assertions

clean: ## remove data, jars, packages and build output, after asking
	@printf "Remove .stack (all landed data), .jars, .venv, target and logs? [y/N] "; \
		read answer; if [ "$$answer" != y ]; then echo "nothing removed"; exit 0; fi; \
		for name in $$(ls .stack 2>/dev/null); do \
			$(BIN)/python -m services --stack "$$name" down || exit 1; done; \
		rm -rf .stack .jars .venv target logs

# The browser of the tests is the system's own.
chromium:
	@command -v chromium >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing chromium" && \
		apt-get -qq update && apt-get -qq install --yes chromium >/dev/null; } || { \
		echo "chromium is not installed: apt-get install chromium" >&2; exit 1; }

# --- set-up, a by-product of every verb -------------------------------------------

setup: check profiles.yml .venv/.complete .jars/.complete

check:
	@command -v $(PYTHON) >/dev/null || { echo "python3 is not installed: install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$($(PYTHON) --version) is too old: install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m services check

ports: check
	@$(PYTHON) -m services check-ports

# Where dbt looks without a flag. Made here, for not every way of copying a repository
# keeps a link.
profiles.yml: profiles/profiles.yml
	@ln -sf profiles/profiles.yml $@

# venv --clear begins anew where an earlier attempt was cut short.
.venv/bin/uv:
	@echo "making a virtual environment"
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check \
		"uv==$$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)"

.venv/.complete: requirements.lock | .venv/bin/uv
	@echo "installing the packages of requirements.lock"
	@.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock
	@touch $@

# Ivy comes with pyspark. -sync removes the jars of an older ivy.xml.
.jars/.complete: services/ivy.xml .venv/.complete
	@echo "fetching the jars of services/ivy.xml"
	@mkdir -p .jars
	@$(JAVA) -cp ".venv/lib/$$(ls .venv/lib)/site-packages/pyspark/jars/*" org.apache.ivy.Main \
		-ivy services/ivy.xml -confs spark kafka hdfs -types jar bundle -sync -warn \
		-retrieve '.jars/[conf]/[artifact]-[revision](-[classifier]).[ext]'
	@touch $@

lock: .venv/bin/uv ## make requirements.lock anew from pyproject.toml
	@.venv/bin/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --quiet --custom-compile-command "make lock" -o requirements.lock
