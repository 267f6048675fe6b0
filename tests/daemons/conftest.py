"""Labs for tests: one a module, taken down whatever happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Lab, a_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture
def fresh_lab(tmp_path: Path) -> Iterator[Lab]:
    with a_lab(tmp_path / "lab") as running:
        yield running


@pytest.fixture
def broken(fresh_lab: Lab) -> Lab:
    """A lab in which de. is broken the way it was on 5 May 2026."""
    fresh_lab.lab("break", "de.", "--as", "de-2026")
    return fresh_lab
