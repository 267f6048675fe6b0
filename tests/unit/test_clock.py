"""How wrong the clock can be, by the kernel's word."""

from orchestrator.clock import Kernel, kernel


def test_the_kernel_can_be_asked() -> None:
    told = kernel()
    assert told.synchronized in (True, False)
    assert told.max_error is not None
    assert 0 <= told.max_error < 3600


def test_only_a_clock_that_is_not_synchronized_is_in_doubt() -> None:
    assert Kernel(synchronized=False).doubt()
    assert not Kernel(synchronized=True).doubt()
    assert not Kernel().doubt()
