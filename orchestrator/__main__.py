"""`ntactl` and `python -m orchestrator`."""

import sys

_signal = __import__("_signal")  # in the interpreter: to import `signal` takes a while of its own
_USUAL = _signal.getsignal(_signal.SIGINT)
if _USUAL is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # a Ctrl-C while modules load is no traceback

from orchestrator.cli import INTERRUPTED, run  # noqa: E402 (what takes its time to load)


def main() -> None:
    """Run the command line of this process."""
    try:
        _signal.signal(_signal.SIGINT, _USUAL)
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # a moment before or after the one where more is said
        code = INTERRUPTED
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)  # all is said: a late one changes nothing
    sys.exit(code)


if __name__ == "__main__":
    main()
