"""`ntactl` and `python -m orchestrator`."""

import signal
import sys

_USUAL = signal.getsignal(signal.SIGINT)
if _USUAL is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C while modules load needs no traceback

from orchestrator.cli import run  # noqa: E402 (what takes its time, and says what a Ctrl-C does)

signal.signal(signal.SIGINT, _USUAL)


def main() -> None:
    """Run the command line of this process."""
    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said: a late Ctrl-C changes nothing
    sys.exit(code)


if __name__ == "__main__":
    main()
