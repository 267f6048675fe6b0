"""A plan, its approval and, when asked, its apply in one process: PLAN LIFETIME plan|applied."""

import sys

from orchestrator.cli import run

path, lifetime, how_far = sys.argv[1:]
commands = [
    ["plan", "de.", "--reason", "a fault", "--out", path, "--for", lifetime],
    ["approve", path, "--by", "tester"],
]
if how_far == "applied":
    commands.append(["apply", path])
sys.exit(next((code for code in map(run, commands) if code), 0))
