"""What every test stands on."""

import signal

# A shell hands SIGINT down ignored to what it starts in the background; tests of Ctrl-C start
# commands that need it as a terminal gives it.
signal.signal(signal.SIGINT, signal.default_int_handler)
