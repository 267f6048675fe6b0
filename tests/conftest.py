"""What every test stands on."""

import os
import signal

from hypothesis import HealthCheck, settings

# A shell hands SIGINT down ignored to what it starts in the background; tests of Ctrl-C start
# commands that need it as a terminal gives it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Every run tries the same examples; `make fuzz` tries many, others with each seed.
CALM = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("usual", max_examples=150, derandomize=True, **CALM)
settings.register_profile("fuzz", max_examples=int(os.environ.get("EXAMPLES", "2000")), **CALM)
settings.load_profile("usual")
