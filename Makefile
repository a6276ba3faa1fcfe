# `make run` starts the demo, `make test` runs every check. Both install what they need into .venv.

PYTHON ?= python3
BIN = .venv/bin

.PHONY: run test lint browser bench clean

run: .venv/installed
	@$(BIN)/reviewer demo

test: .venv/installed-test browser lint
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: .venv/installed-test
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/installed-test
	@for script in tests/bench/bench_*.py; do $(BIN)/python $$script || exit 1; done

# Debian's own Chromium when apt may install it, Playwright's elsewhere.
browser: .venv/installed-test
	@if command -v chromium >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else $(BIN)/playwright install chromium; fi

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Install Python's venv module (Debian: python3-venv)." >&2; exit 1; }
	@touch $@

.venv/installed: .venv/python pyproject.toml constraints.txt
	@echo "Installing into .venv …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable . --constraint constraints.txt
	@touch $@

.venv/installed-test: .venv/installed
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]' --constraint constraints.txt
	@touch $@

clean:
	rm -rf .venv
