"""`ntactl` and `python -m orchestrator`."""

import signal
import sys

from orchestrator.cli import run


def main() -> None:
    """Run the command line of this process."""
    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is said: a late Ctrl-C changes nothing
    sys.exit(code)


if __name__ == "__main__":
    main()
