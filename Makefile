# The verbs of the project; `make` alone lists them. Each depends on what it needs, so
# any of them works on a fresh clone and resumes after an interrupted step.

STACK ?= default
PYTHON ?= python3
FILE ?=
DOCS_PORT ?= 8080
SAMPLE := data/assessment-attempts-sample.json

export STACK
export DBT_PROFILES_DIR := profiles
# Many containers and CI systems forbid Python to write its caches. Without them, each
# command compiles all that it imports: docs/decisions/environments.md.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
UV := .venv-setup/bin/uv
# Variables that point dbt and ingest to the stack's services; user settings win.
RUN := .stack/$(STACK)/run
CLIENT := . .stack/$(STACK)/conf/client.env &&
# They name the services of the user, which a benchmark must not touch.
USER_SETTINGS := KAFKA_BOOTSTRAP_SERVERS KAFKA_CLIENT_PROPERTIES ASSESSMENTS_TOPIC \
	LAKE_WAREHOUSE HIVE_METASTORE_URIS SPARK_MASTER SPARK_REMOTE SPARK_THRIFT_HOST \
	SPARK_THRIFT_PORT
# What dbt reads, and stamps of its last parse and build for each set of schemas.
PROJECT := dbt_project.yml $(shell find models macros seeds profiles tests/assertions \
	tests/generic -type f)
MANIFEST := $(or $(DBT_TARGET_PATH),target)/manifest.json
SCHEMAS := $(or $(DBT_TARGET),shared)-$(DBT_SCHEMA_PREFIX)
PARSED := $(RUN)/parsed-$(SCHEMAS)
# The manifest of the last build of the shared schemas, from which developers read.
SHARED := $(abspath .stack/$(STACK)/run)/shared-build
NOTICES = $(BIN)/python -m workbench notices --shared $(SHARED)
BUILT := $(RUN)/built-$(SCHEMAS)
# What dbt's last command did, and the last build; whether they are the same.
RESULTS := $(dir $(MANIFEST))run_results.json
TESTED := $(BUILT).json
IS_TESTED = $(shell cmp -s $(RESULTS) $(TESTED) && echo yes)
IS_SHARED := $(filter shared,$(or $(DBT_TARGET),shared))

.DEFAULT_GOAL := help
.PHONY: help run up down status publish ingest follow audit maintain landed build \
	dev model diff prune rejects answers report notebook docs sql check lint types unit parse \
	test test-nightly test-compose chaos histories edits bench bench-builds bench-edits \
	bench-run clean setup chromium lock

help: ## list the verbs
	@echo "usage: make VERB [FILE=path] [STACK=name]"
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | \
		awk -F '\t' '{ printf "  %-13s %s\n", $$1, $$2 }'

run: landed $(BUILT) $(PARSED) ## the main job: set up, start, publish the sample (or FILE), land, build, answer
	@$(CLIENT) $(BIN)/python -m answers

up: setup ## start the services and wait until each one answers
	@$(BIN)/python -m services up
	@[ $(RUN)/initialized -nt $(RUN)/services.json ] || { $(CLIENT) $(BIN)/python -m ingest init \
		$(if $(KAFKA_BOOTSTRAP_SERVERS),--topic-required) && touch $(RUN)/initialized; }

down: .venv/.complete ## stop the services; all data stays
	@$(BIN)/python -m services down

status: .venv/.complete ## state, port and log file of each service; topic lag; raw rows
	@$(BIN)/python -m services status && $(CLIENT) $(BIN)/python -m ingest status && \
		$(NOTICES)

publish: up ## publish FILE to the topic
	@$(if $(FILE),,echo "FILE is not set: make publish FILE=path" >&2; exit 2;) \
		$(CLIENT) $(BIN)/python -m ingest publish "$(FILE)"

ingest: up ## land every message that is in the topic now
	@$(CLIENT) $(BIN)/python -m ingest drain

follow: up ## keep landing messages as they come, until Ctrl-C
	@$(CLIENT) exec $(BIN)/python -m ingest follow

audit: up ## compare topic and raw table: is anything missing or double?
	@$(CLIENT) $(BIN)/python -m ingest audit

maintain: audit ## compact tables, expire snapshots older than a day, if the audit is clean
	@$(CLIENT) $(BIN)/python -m ingest maintain --apply

landed: up
	@$(CLIENT) $(BIN)/python -m ingest publish $(if $(FILE),"$(FILE)",--if-empty $(SAMPLE))
	@$(CLIENT) $(BIN)/python -m ingest drain --snapshot-file $(RUN)/raw-snapshot

# Ingest rewrites this file only if the raw table has changed.
$(RUN)/raw-snapshot: landed
	@:

# `make run` builds once for each state of the raw table and of the dbt project. The
# stamp has the time when the build began, so that no later change is missed. The lock
# ends with the processes that hold it, even if they are killed.
#
# It builds only what has changed, and what reads it, if the last build of the shared
# schemas was right, and was dbt's last command, and only files have changed since whose
# users dbt knows. It does not know all users of a macro or of dbt_project.yml.
BUILD = $(BIN)/$(if $(VERBOSE),dbt build,python -m workbench build $(CHANGED))
DBT_BUILD = exec 9>$(BUILT).lock && { flock --nonblock --conflict-exit-code 75 9 || { \
		[ $$? = 75 ] && echo "another build of these schemas is running: try again" \
		"when it has ended" >&2; exit 1; }; } && \
	touch $(BUILT).part && $(BUILD) && cp -p $(RESULTS) $(TESTED) && mv $(BUILT).part $(BUILT) && \
	touch -r $(MANIFEST) $(PARSED)$(if $(IS_SHARED), && \
	install -D --mode 644 $(MANIFEST) $(SHARED)/manifest.json && $(NOTICES))

$(BUILT): CHANGED = $(if $(and $(IS_SHARED),$(IS_TESTED)),$(if $(or $(wildcard $(BUILT).part), \
	$(filter-out models/% seeds/% tests/assertions/%,$?)),,--changed-since $(SHARED)))
$(BUILT): $(RUN)/raw-snapshot $(PROJECT) | up
	@$(CLIENT) $(DBT_BUILD)

build: up ## dbt build: seeds, models and every test [VERBOSE=1: all that dbt prints]
	@$(CLIENT) $(DBT_BUILD)

$(MANIFEST): | up
	@$(CLIENT) $(BIN)/dbt --quiet parse

# Answers must not read a manifest of other schemas, or one older than the project.
$(PARSED): $(PROJECT) $(MANIFEST) | up
	@$(CLIENT) $(BIN)/dbt --quiet parse && touch -r $(MANIFEST) $@

# A developer's schemas, with a manifest of their own: the answers need the shared one.
dev: up ## build in your own schemas what you save, with its tests [MODEL: once]
	@$(CLIENT) $(BIN)/python -m workbench dev --shared $(SHARED) $(MODEL)

model: up .venv-test/.complete ## write a model, its contract and tests, and build it [NAME, QUERY=file.sql]
	@$(if $(NAME),,echo "NAME is not set: make model NAME=rpt_<answer>" >&2; exit 2;) \
		$(CLIENT) $(BIN)/python -m workbench model --shared $(SHARED) $(NAME) \
		$(if $(QUERY),--query "$(QUERY)")

diff: up ## compare your own tables with the shared ones, row by row [MODEL, HTML=page]
	@$(CLIENT) $(BIN)/python -m workbench diff --shared $(SHARED) $(MODEL) \
		$(if $(HTML),--html "$(HTML)")

prune: up ## drop tables that no model makes any more, after asking [OWN=1: all your own too]
	@$(CLIENT) $(BIN)/python -m workbench prune --shared $(SHARED) $(if $(OWN),--own)

rejects: up ## show the newest rejected messages, where they come from, what is wrong
	@$(CLIENT) $(BIN)/python -m workbench rejects --shared $(SHARED)

answers: up $(PARSED) ## print the answers to the eight questions and any further ones
	@$(CLIENT) $(BIN)/python -m answers

# A failed test does not stop the report, which shows it. What a build has tested is
# tested again only if another command of dbt has replaced its results.
report: up $(PARSED) .venv-report/.complete ## run the notebook on the live tables, write target/report.html
	@$(CLIENT) $(if $(IS_TESTED),,{ echo "testing all rows"; \
		$(BIN)/dbt --quiet test || [ $$? = 1 ]; } &&) \
		.venv-report/bin/python -m answers.report

notebook: up $(PARSED) .venv-notebook/.complete ## open the notebook in Jupyter
	@$(CLIENT) .venv-notebook/bin/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) \
		notebooks/tracking_user_activity.ipynb

# dbt's page requests icons before it knows their names, and a favicon that is missing.
# sed removes both requests, so that the browser console shows only real errors.
# `dbt docs serve` would restore dbt's page, so Python serves it instead. The results of
# the last build stay, because `make run` and `make report` need them.
docs: up ## generate and serve the lineage site, also as one file, static_index.html
	@$(CLIENT) $(BIN)/dbt docs generate --static && \
		$(if $(IS_TESTED),cp -p $(TESTED) $(RESULTS) &&) cd "$${DBT_TARGET_PATH:-target}" && \
		sed -i.dbt -e 's/xlink:href="{{/ng-attr-&/g' \
			-e "s/\$${require('[^']*favicon.ico')}/data:,/g" index.html static_index.html && \
		echo "serving http://127.0.0.1:$(DOCS_PORT) until Ctrl-C; to share it, send" \
			"$$PWD/static_index.html" && \
		exec $(abspath $(BIN))/python -m http.server --bind 127.0.0.1 $(DOCS_PORT)

# beeline prints each error twice, each time with Spark's plan and Java's stack.
sql: ERROR := /^Error: .*Error running query/,/^Caused by: /{/^Caused by: /!d;s/^Caused by: [^ ]+ */Error: /}
sql: PLAN := /SQLSTATE: .*;$$/,/^\s+(at |\.{3} )/{/SQLSTATE: .*;$$/!d}
sql: STACK_TRACE := /^\s+(at |\.{3} |Suppressed: )/d
sql: up ## a SQL prompt on the marts
	@$(CLIENT) . .stack/$(STACK)/conf/services.env && export SPARK_HOME && \
		bash -o pipefail -c '{ "$$SPARK_HOME/bin/beeline" --silent=true -u \
		"jdbc:hive2://$$SPARK_THRIFT_HOST:$$SPARK_THRIFT_PORT/marts" 2>&1 >&3 | \
		(trap "" INT; exec sed -uE "$(ERROR);$(PLAN);$(STACK_TRACE)") >&2; } 3>&1'

clean: ## remove data, jars, packages and build output, after asking
	@printf "Remove .stack (all landed data), .jars, .venv*, target and logs? [y/N] "; \
		read answer; if [ "$$answer" != y ]; then echo "nothing removed"; exit 0; fi; \
		for name in $$(ls .stack 2>/dev/null); do \
			$(BIN)/python -m services --stack "$$name" down || exit 1; done; \
		rm -rf .stack .jars .venv .venv-* target logs

# --- checks -----------------------------------------------------------------------

check: lint types unit ## checks without services: lint, types, unit tests, dbt parse

# dbt-bouncer checks the layer rules in the manifest that parse writes. Its table omits the
# messages in a narrow terminal, so they follow it in full.
RULES := target/check/rules.tap
lint: parse ## ruff, sqlfluff and the layer rules
	@.venv-test/bin/ruff check . && .venv-test/bin/ruff format --check .
	@.venv-test/bin/sqlfluff lint --processes 2 models tests/assertions
	@.venv-test/bin/sqlfluff lint --exclude-rules layout.indent macros tests/generic
	@rm -f $(RULES); .venv-test/bin/dbt-bouncer run --output-file $(RULES) --output-format tap \
		--output-only-failures; code=$$?; awk 'NR > 2' $(RULES); exit $$code

types: .venv-test/.complete ## mypy
	@.venv-test/bin/mypy

unit: .venv-test/.complete ## unit tests
	@.venv-test/bin/pytest tests/unit

parse: .venv/.plugin .venv-test/.complete profiles.yml ## dbt parse
	@$(BIN)/dbt --quiet parse --target-path target/check

# Jars are fetched and the test services start while lint and mypy run. A test that hangs
# fails after several times what the longest one takes, and shows where it was.
test: .venv-test/.complete ## every check, with end-to-end tests on separate services
	@$(MAKE) --silent --jobs 4 --output-sync=line .venv-report/.complete chromium \
		test-stack-0 test-stack-1 lint types
	@.venv-test/bin/pytest --numprocesses 2 --no-loadscope-reorder --timeout 450 --verbose

test-stack-%: setup .venv-test/.complete
	@PYTEST_XDIST_WORKER=gw$* .venv-test/bin/python -m tests.integration.stack

test-nightly: setup chromium .venv-test/.complete .venv-report/.complete ## the tests that take too long for each push
	@.venv-test/bin/pytest -m nightly --timeout 450 --verbose tests/integration

chaos: setup .venv-test/.complete ## kill at random while messages land, then compare every byte [ROUNDS, SEED]
	@.venv-test/bin/python -m tests.integration.chaos $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(SEED),--seed $(SEED))

histories: setup .venv-test/.complete ## land and build in random order, then compare with a full refresh [HISTORIES, SEED]
	@.venv-test/bin/python -m tests.integration.histories \
		$(if $(HISTORIES),--histories $(HISTORIES)) $(if $(SEED),--seed $(SEED))

edits: setup .venv-test/.complete ## edit at random: `make dev` has to do what `dbt build` does [EDITS, SEED]
	@.venv-test/bin/python -m tests.integration.edits $(if $(EDITS),--edits $(EDITS)) \
		$(if $(SEED),--seed $(SEED))

bench: ## time `ingest drain` beside Kafka's own consumer [MESSAGES, RUNS]
	@unset $(USER_SETTINGS); $(MAKE) --silent STACK=bench up && \
		. .stack/bench/conf/client.env && $(BIN)/python -m bench.drain \
		$(if $(MESSAGES),--messages $(MESSAGES)) $(if $(RUNS),--runs $(RUNS))

bench-builds: ## time builds after little has changed, by size of history [SIZES, RUNS]
	@unset $(USER_SETTINGS); $(MAKE) --silent STACK=bench up && \
		. .stack/bench/conf/client.env && $(BIN)/python -m bench.builds \
		$(if $(SIZES),--sizes $(SIZES)) $(if $(RUNS),--runs $(RUNS))

bench-edits: ## time an edit of a mart in `make dev` and in `dbt build` [EDITS]
	@unset $(USER_SETTINGS); $(MAKE) --silent STACK=bench build && \
		. .stack/bench/conf/client.env && $(BIN)/python -m bench.edits \
		$(if $(EDITS),--edits $(EDITS))

# Set-up fills the caches that the clone takes its packages from. MAKEFLAGS would give the
# clone the variables of this make.
bench-run: setup ## time `make run` in a fresh clone, again, and a build of nothing new [RUNS]
	@unset $(USER_SETTINGS) MAKEFLAGS; $(BIN)/python -m bench.run $(if $(RUNS),--runs $(RUNS))

test-compose: setup .venv-test/.complete ## container and cluster tests with Docker (Debian 12, as root)
	@tests/containers/run.sh

# The tests use the system's browser.
chromium:
	@command -v chromium >/dev/null || { \
		[ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo "installing chromium" && \
		apt-get -qq update && apt-get -qq install --yes chromium >/dev/null; } || { \
		echo "chromium is not installed: apt-get install chromium" >&2; exit 1; }

# --- set-up, which verbs do when they need it -------------------------------------

setup: profiles.yml .venv/.plugin .jars/.complete

# dbt looks for this file by default. The link is created because not every way of
# copying a repository keeps links.
profiles.yml: profiles/profiles.yml
	@ln -sf profiles/profiles.yml $@

# venv --clear starts over if an earlier attempt was interrupted.
$(UV):
	@command -v $(PYTHON) >/dev/null || { echo "python3 is not installed: install Python 3.11 or newer" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$($(PYTHON) --version) is too old: install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m services check
	@echo "installing uv, which installs the rest"
	@$(PYTHON) -m venv --clear .venv-setup
	@.venv-setup/bin/python -m pip install --quiet --disable-pip-version-check \
		"uv==$$(sed -n 's/^uv==\([^ ]*\).*/\1/p' requirements.lock)"

# An environment holds only what one purpose needs. uv is fetched only if there is
# something to install, so a container does without it.
define ENVIRONMENT
	+@$(MAKE) --silent $(UV)
	@echo "installing $$(grep -c == $<) packages into $(@D)"
	@[ -x $(@D)/bin/python ] || $(UV) venv --quiet --clear --python $(PYTHON) $(@D)
	@$(UV) pip sync --quiet --python $(@D)/bin/python --require-hashes $< --constraints requirements.lock
	@touch $@
endef

.venv/.complete: requirements/run.txt requirements.lock
	$(ENVIRONMENT)

# dbt finds its plugin, and what that imports, by the .pth file.
.venv/.plugin: .venv/.complete
	@printf '%s\n' '$(CURDIR)' '$(CURDIR)/workbench/dbt_plugin' \
		>"$$(echo .venv/lib/python3*/site-packages)/assessments.pth"
	@touch $@

.venv-%/.complete: requirements/%.txt requirements.lock
	$(ENVIRONMENT)

.jars/.complete: services/ivy.xml services/jars.sha256 .venv/.complete
	@echo "fetching $$(wc -l <services/jars.sha256) jars into .jars"
	@$(BIN)/python -m services jars
	@touch $@

lock: $(UV) .venv/.complete ## pin packages (pyproject.toml) and jars (services/ivy.xml) again
	@$(UV) pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--generate-hashes --quiet --custom-compile-command "make lock" -o requirements.lock
	@for purpose in run report notebook test; do \
		$(UV) pip compile pyproject.toml --extra $$purpose --constraints requirements.lock \
			--universal --python-version 3.11 --no-annotate --no-header --quiet \
			-o requirements/$$purpose.txt || exit 1; done
	@$(BIN)/python -m services jars --accept
