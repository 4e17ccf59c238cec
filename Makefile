# Each target stands alone: it makes .venv and installs what it needs, then runs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
NODE := $(shell command -v node 2>/dev/null)
TURNSERVER := $(shell command -v turnserver 2>/dev/null)
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
SOURCES := src tests benchmarks examples

.PHONY: help demo serve test lint format types imports pytest coverage javascript browser docs pictures bench soak clean

help:
	@echo "make demo     hold a spoken conversation with a server of its own, and draw it into demo-out/"
	@echo "make serve    run the server on 127.0.0.1:8000"
	@echo "make test     every check that a change must pass"
	@echo "make lint     formatting, lint, types and who may import whom"
	@echo "make docs     build the documentation, into site/"
	@echo "make pictures take the documentation's pictures of the console, with Chromium"
	@echo "make bench    measure, into bench-out/"
	@echo "make soak     the long runs of the property tests"

$(VENV)/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@touch $@

$(VENV)/demo: $(VENV)/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[demo]"
	@touch $@

$(VENV)/dev: $(VENV)/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[demo,mic,mcp,tracing,conformance]" --group dev
	@touch $@ $(VENV)/demo

demo: $(VENV)/demo
	$(BIN)/vivavoce demo

serve: $(VENV)/demo
	$(BIN)/vivavoce serve

test: lint pytest coverage javascript browser docs
	@echo "All checks passed."

lint: format types imports

format: $(VENV)/dev
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)

# The package; and what programs that use it look like to type checkers.
types: $(VENV)/dev
	$(BIN)/mypy
	$(BIN)/mypy tests/typing
	PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

imports: $(VENV)/dev
	$(BIN)/lint-imports

pytest: $(VENV)/dev
ifeq ($(TURNSERVER)$(CI),)
	@echo "turnserver was not found: calls through a TURN server are left out."
else ifeq ($(TURNSERVER),)
	apt-get update --quiet
	apt-get install --quiet --yes --no-install-recommends coturn
endif
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup --cov --cov-report=

# The rooms that programs build on are held to more than the whole. A process that a test killed may have left a
# half-written file behind, which says nothing.
coverage: pytest
	@rm -f .coverage.*
	$(BIN)/coverage report --fail-under=85
	@for room in protocol session audio client rtc; do \
		printf "$$room %%: "; \
		$(BIN)/coverage report --format=total --fail-under=92 --include="src/vivavoce/$$room/*" || exit 1; \
	done

javascript: $(VENV)/dev
ifeq ($(NODE)$(CI),)
	@echo "node was not found: the stock JavaScript clients are left out."
else
	cd tests/stock/javascript && npm ci --silent --no-audit --no-fund
	$(BIN)/python -m pytest tests/stock/javascript --no-cov
endif

PAGES := tests/stock/browser
PAGE := tests/stock/pyodide

# What the client needs, built for Python in the browser.
$(PAGE)/wheels: $(PAGE)/requirements.txt | $(VENV)/pip
	rm -rf $@
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --require-hashes --requirement $< --dest $@ \
		--no-deps --only-binary :all: --python-version 3.14 --platform pyemscripten_2026_0_wasm32
	@touch $@

browser: $(VENV)/dev $(if $(CI)$(and $(NODE),$(CHROMIUM)),$(PAGE)/wheels)
ifeq ($(CI)$(and $(NODE),$(CHROMIUM)),)
	@echo "node or chromium was not found: what runs in a browser is left out."
else
ifeq ($(CHROMIUM),)
	apt-get update --quiet
	apt-get install --quiet --yes --no-install-recommends chromium
endif
	cd $(PAGE) && npm ci --silent --no-audit --no-fund
	cd $(PAGES) && npm ci --silent --no-audit --no-fund
	$(BIN)/python -m pytest $(PAGE) $(PAGES) tests/console --no-cov --numprocesses 2 --dist loadfile
endif

$(VENV)/docs: $(VENV)/pip pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group docs
	@touch $@

# Into site/; a page or a link that is not there fails.
docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# The pictures of the console, taken of a conversation.
pictures: $(VENV)/dev
	VIVAVOCE_PICTURES=1 $(BIN)/python -m pytest tests/console/test_pictures.py --no-cov

bench: $(VENV)/dev
	$(BIN)/python -m benchmarks

GAMES := tests/session/test_interpreters_at_random.py tests/session/test_mcp_stateful.py tests/session/test_stateful.py

soak: $(VENV)/dev
	VIVAVOCE_SOAK=1 $(BIN)/python -m pytest $(GAMES) --timeout 7200
	$(BIN)/python -m tests.soak

clean:
	rm -rf $(VENV) demo-out bench-out site .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis
