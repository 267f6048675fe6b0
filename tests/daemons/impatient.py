"""Run `ntactl ...` with no patience for another that holds the state's lock."""

import sys

from orchestrator.cli import desk, run

desk.LOCK_WAIT = 1
sys.exit(run(sys.argv[1:]))
