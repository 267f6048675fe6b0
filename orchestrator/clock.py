"""How wrong can this machine's clock be? What the kernel knows of it (adjtimex(2)).

The kernel's word is that of whatever disciplines it; a virtual machine whose clock is set by its
host is "not synchronized" and may be right all the same. So it is told beside a verdict and does
not make one.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

_TIME_ERROR = 5  # the return value while the clock is not synchronized
_SIZE = 512  # bytes; struct timex is 208 on 64 bits


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_char * _SIZE),
    )


@dataclass(frozen=True, slots=True)
class Kernel:
    """`max_error` in seconds; both None where the kernel cannot be asked."""

    synchronized: bool | None = None
    max_error: float | None = None

    def doubt(self) -> str:
        """One sentence where it is not synchronized, else ""."""
        if self.synchronized is not False:
            return ""
        return "the kernel calls this machine's clock not synchronized: compare it before you act"


def kernel() -> Kernel:
    """Ask the kernel; changes nothing (modes is 0)."""
    try:
        state = _Timex()
        answer = ctypes.CDLL(None).adjtimex(ctypes.byref(state))
    except (OSError, AttributeError):
        return Kernel()
    if answer < 0:
        return Kernel()
    return Kernel(answer != _TIME_ERROR, state.maxerror / 1_000_000)
