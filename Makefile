# What a contributor types; CI runs .ci/run, which makes its own environment.
.PHONY: install smoke test lint format ci

install:  ## an editable minidl with all that tests and linters need
	pip install -e '.[test,lint]'
	pre-commit install || true

smoke:  ## every verb once, in ten seconds
	pytest -q tests/test_smoke.py

test:  ## everything, on all cores
	pytest -q -n auto

lint:
	ruff check .
	ruff format --check .
	mypy
	lint-imports

format:
	ruff check --fix .
	ruff format .

ci:  ## what every change has to pass, from a fresh environment
	.ci/run
