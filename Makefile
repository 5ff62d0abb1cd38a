# What is needed beforehand: make, and Python 3.11 or newer. Everything else is found or fetched.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON := $(shell for each in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$each -IS -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$each && break; done)
BIN := .venv/bin
# They are meant for another Python, which would not even start with some of them.
unexport PYTHONHOME PYTHONPATH PYTHONWARNINGS PYTHONOPTIMIZE PYTHONINSPECT PYTHONHASHSEED

.PHONY: help environment setup demo up down test test-long fire check docs bench bench-smoke audit sbom sbom-images image pictures lock
.NOTPARALLEL:

help:
	@echo 'make demo    everything up, the sample folder imported; Ctrl-C stops it'
	@echo 'make test    all checks and tests but the long ones; no Docker needed'
	@echo 'make test-long  the long ones: outages, deaths and quota over minutes'
	@echo 'make fire    faults at random for MINUTES (10) from a SEED (1), then twelve properties'
	@echo 'make setup   environment, servers and page, without starting anything'
	@echo 'make up      everything up, no import'
	@echo 'make down    stop a running copy'
	@echo 'make check   lint, format, types'
	@echo 'make docs    the documentation as a site, in build/site'
	@echo 'make bench   measure an import beside rclone'
	@echo 'make audit   known vulnerabilities in what is locked'
	@echo 'make sbom    lists of the parts (CycloneDX), in build/sbom'
	@echo 'make sbom-images  the same of what Debian brings into the two images'
	@echo 'make image   the container image of the services, and that of the page'
	@echo 'make pictures   the pictures in docs/images anew'
	@echo 'make lock    lock the dependencies anew'

environment:
	@test -n '$(PYTHON)' && $(PYTHON) -IS -c '$(NEW_ENOUGH)' \
		|| { echo 'Drivestream needs Python 3.11 or newer; found: $(or $(PYTHON),none).' >&2; exit 1; }
	@$(PYTHON) -S local/bootstrap.py

setup: environment
	@$(BIN)/drivestream fetch

demo: setup
	@$(BIN)/drivestream demo

up: setup
	@$(BIN)/drivestream up

down: environment
	@$(BIN)/drivestream down

check: environment
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

test: setup
	$(BIN)/python -m tests.run

test-long: setup
	$(BIN)/python -m tests.run --long

MINUTES ?= 10
SEED ?= 1
fire: setup
	$(BIN)/python -m tests.fire --minutes $(MINUTES) --seed $(SEED)

docs: environment
	$(BIN)/python -m docs.site

bench: setup
	$(BIN)/python -m bench.compare

# A small one: it shows that the benchmark runs, not how fast anything is.
bench-smoke: setup
	$(BIN)/python -m bench.compare --files 300 --rounds 1

# AUDIT=--must-reach makes it an error, too, that nobody could be asked.
audit: environment
	$(BIN)/python -m local.dependencies.audit $(AUDIT)

sbom: environment
	$(BIN)/python -m local.dependencies.sbom

sbom-images: environment
	$(BIN)/python -m local.dependencies.image_packages

image:
	docker compose build

pictures: setup
	$(BIN)/python -m tests.e2e.pictures

lock: environment
	requirements/lock.sh
