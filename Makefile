# Thin lines: each can be typed by hand.
VENV ?= .venv
PY := $(VENV)/bin/python

.PHONY: lint test fmt
lint:
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

test:
	$(PY) -m pytest -q -m "not long"

fmt:
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .
