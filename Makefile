# Thin lines: whatever stands here can also be typed by hand. Nothing needs sudo.
PYTHON  ?= python3
VENV    ?= .venv
PROFILE ?= quick
WORLDS  ?= 200
SEED    ?= 0
KEEP    ?=
REPORTS ?= 2500
STORE   ?= file
SET     ?= run
CASES   ?= 1000000
ITEMS   ?= 785322
MEMBERS ?= 54
ONLY    ?=
JOBS    ?= 2
MINUTES ?= 2
RATE    ?= 100
CASE    ?= mixed

BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP   := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help venv demo parts test test-long lint fmt bench bench-peers soak hostile simulate simulate-europe fuzz mutate wheels lock clean

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

venv: $(STAMP) ## the virtual environment .venv, from hashed requirements

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) must be CPython 3.11 or newer; name another one: make PYTHON=python3.12 venv" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## four members, REPORTS=n reports from SEED=s, one verdict; KEEP=1 leaves the nodes running; STORE=postgresql: one on a server, with two processes
	@$(if $(filter postgresql,$(STORE)),tests/parts.sh)
	@$(BIN)/python -m examples.demo --seed $(SEED) --reports $(REPORTS) --store $(STORE) $(if $(KEEP),--keep)

parts: ## fetch what tests need and pip cannot bring, into .parts (no root)
	@tests/parts.sh

# Tests start many processes: each reads what one has compiled, whatever is set for other programs.
test test-long: export PYTHONDONTWRITEBYTECODE :=

test: $(STAMP) parts ## every test but the long ones, in JOBS=n processes
	$(BIN)/python -m pytest -q -rs -n $(JOBS) --dist worksteal -m "not long"

test-long: $(STAMP) parts ## the tests that take minutes
	$(BIN)/python -m pytest -q -rs -m long

lint: $(STAMP) ## ruff, mypy --strict, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config pyproject.toml

fmt: $(STAMP) ## format, and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## measure; PROFILE=quick or full
	@$(if $(filter full,$(PROFILE)),tests/parts.sh)
	$(BIN)/python -m benchmarks --profile $(PROFILE)

bench-peers: $(STAMP) ## P1 to P3 beside OpenTAXII, S/MIME mail and a bare receiver (needs the network once)
	$(BIN)/python -m benchmarks.peers

soak: $(STAMP) ## two nodes under load and faults for MINUTES=n (R10); CASE=mixed or stopped, RATE=n lines a second, STORE=postgresql
	@$(if $(filter postgresql,$(STORE)),tests/parts.sh)
	@$(BIN)/python -m benchmarks.soak --case $(CASE) --minutes $(MINUTES) --rate $(RATE) --store $(STORE)

simulate: $(STAMP) ## WORLDS=n simulated worlds with faults, the first with seed SEED=s, in JOBS=n processes
	@$(BIN)/python -m tests.simulation --worlds $(WORLDS) --seed $(SEED) --jobs $(JOBS)

simulate-europe: $(STAMP) ## a year of the whole network on two cores: ITEMS=n of it, MEMBERS=m, SEED=s
	@$(BIN)/python -m tests.simulation.europe --items $(ITEMS) --members $(MEMBERS) --seed $(SEED)

fuzz: $(STAMP) ## break the input of every parser; CASES=n in all, SEED=s, ONLY=target
	@$(BIN)/python -m tests.fuzzing --cases $(CASES) --seed $(SEED) --only "$(ONLY)"

mutate: $(STAMP) parts ## change keys/, protocol/ and node/matching/ a little, see whether a test fails; ONLY="modules", JOBS=n; OWN=1: each module's own tests alone, LEFT=1: what lived (R12)
	@$(BIN)/python -m tests.mutation --only "$(ONLY)" --jobs $(JOBS) $(if $(OWN),--own) $(if $(LEFT),--left)

hostile: $(STAMP) ## how much of its rate an honest peer keeps under each attack (R4)
	@$(BIN)/python -m tests.hostility

wheels: $(STAMP) ## fill ./wheels for an offline installation; SET=run or dev
	rm -rf wheels
	$(PIP) download --quiet --require-hashes --only-binary :all: -d wheels -r requirements/$(SET).txt
	$(BIN)/python -m build --quiet --wheel --no-isolation --outdir wheels .
	cp requirements/$(SET).txt wheels/requirements.txt
	cd wheels && sha256sum hotline_exchange-*.whl | sed 's/^\([0-9a-f]*\)  hotline_exchange-\([^-]*\)-.*/hotline-exchange==\2 --hash=sha256:\1/' >> requirements.txt
	@echo "offline: python3 -m venv DIR && DIR/bin/pip install --no-index --find-links wheels --require-hashes -r wheels/requirements.txt"

lock: $(STAMP) ## renew uv.lock and requirements/ (needs the network)
	$(BIN)/uv lock --default-index https://pypi.org/simple $(UPGRADE)
	$(BIN)/uv export --quiet --frozen --no-emit-project --no-header --no-annotate | sed "s/ ; implementation_name == 'cpython' and sys_platform == 'linux'//" > requirements/run.txt
	$(BIN)/uv export --quiet --frozen --no-emit-project --no-header --no-annotate --all-groups --all-extras | sed "s/ ; implementation_name == 'cpython' and sys_platform == 'linux'//" > requirements/dev.txt

clean: ## remove what was made here
	rm -rf $(VENV) .parts .peers mutants mutants.log wheels dist build .run .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
