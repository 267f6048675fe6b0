# None of the targets asks for input. They need git, make and Python 3.11; `setup` does the rest.

PYTHON ?= python3
PY := .venv/bin/python
STAMP := .venv/.ntactl-setup
# Namespaces and real daemons need root; with `sudo -v` before, an ordinary user is as welcome.
ROOT := $(shell [ "$$(id -u)" = 0 ] || echo sudo -n -E)

.PHONY: help setup packages drill test soak fuzz faults matrix lint bench bench-push bench-scale bench-detect bench-outages clean
.NOTPARALLEL:

help:
	@echo "make setup   system packages and .venv, whatever is missing"
	@echo "make drill   the whole incident on a lab of real daemons, under 90 s"
	@echo "make test    every test, on real daemons, under 20 min"
	@echo "make soak    the long waits, every phase and step, twenty scans of a whole root; an hour"
	@echo "make fuzz    hostile answers, an hour of them (SECONDS=, SEED=)"
	@echo "make faults  N transactions with a fault in each, on real hosts; an hour or two (N=, SEED=;"
	@echo "             MORE=--regressions: all that was found before; MORE='--without fence': goes red)"
	@echo "make matrix  the engines' tests on the daemons of Debian 12, 13 and sid, in roots of their own; minutes"
	@echo "make lint    ruff, mypy, shellcheck"
	@echo "make bench   how long the command line takes to answer"
	@echo "make bench-detect   how fast a scan of the whole root is, beside other validators; minutes"
	@echo "make bench-outages  what other validators say of the lab's outages: a page of the docs"
	@echo "make bench-push   how fast a push to 1,000 hosts is, beside pyinfra and Ansible; minutes"
	@echo "make bench-scale  1,000 hosts, black holes among them: what each figure is and its bar; minutes"
	@echo "make clean   everything that the targets above left in the checkout"

setup: packages $(STAMP)

packages:
	@PYTHON="$(PYTHON)" sh .ci/packages

$(STAMP): pyproject.toml | packages
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	    "ntactl needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	"$(PYTHON)" -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

drill: setup
	$(ROOT) $(PY) -m orchestrator drill --yes

test: setup
	$(ROOT) $(PY) -m pytest -n 4 --dist worksteal -m "not soak"

soak: setup
	$(ROOT) $(PY) -m pytest -n 4 --dist worksteal -m soak --timeout 1200

fuzz: setup
	$(PY) tests/bench/fuzz.py --seconds $(or $(SECONDS),3600) --seed $(or $(SEED),1)

faults: setup
	$(ROOT) env PYTHONPATH=tests $(PY) -m faults --seed $(or $(SEED),1) -n $(or $(N),300) $(MORE)

matrix:
	$(ROOT) .ci/matrix

lint: setup
	$(PY) -m ruff check orchestrator tests
	$(PY) -m ruff format --check orchestrator tests
	$(PY) -m mypy
	find templates -name '*.sh' -exec shellcheck {} +
	shellcheck .ci/run .ci/packages .ci/matrix

bench: setup
	$(PY) tests/bench/startup.py

bench-detect: setup
	$(ROOT) $(PY) tests/bench/detect.py

bench-outages: setup
	$(ROOT) $(PY) tests/bench/beside.py

bench-push: setup
	$(ROOT) $(PY) tests/bench/push.py

bench-scale: setup
	$(ROOT) $(PY) tests/bench/push_scale.py

clean:
	[ ! -x $(PY) ] || $(ROOT) $(PY) -m orchestrator lab down
	$(ROOT) rm -rf .venv .cache dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	$(ROOT) find orchestrator tests -name __pycache__ -prune -exec rm -rf {} +
