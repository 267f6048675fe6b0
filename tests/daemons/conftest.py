"""Labs for tests: one a module, taken down whatever happens."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hands import Hands, left_as_found
from harness import Lab, a_lab, wait_until
from sshd import Sshd, open_files, serve

BOTH = ("unbound1", "bind1")
# Two that make soak asks of every transaction, and test_engines.py of the main path.
OTHERS = ("pdns1", "knot1")


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


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("small"), "unbound=1,bind=1") as lab:
        yield lab


@pytest.fixture
def small_broken(small: Lab) -> Iterator[Lab]:
    """de. is broken, and no host differs after the test."""
    small.lab("break", "de.", "--as", "zm-2015")
    before = small.files()
    yield small
    assert small.files() == before
    assert set(map(tuple, small.all_ntas().values())) == {()}


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("others"), "pdns=1,knot=1") as lab:
        yield lab


@pytest.fixture(params=[*BOTH, *(pytest.param(name, marks=pytest.mark.soak) for name in OTHERS)])
def host(request: pytest.FixtureRequest) -> Iterator[Hands]:
    """One host, which a test must leave as it found it."""
    lab = request.getfixturevalue("others" if request.param in OTHERS else "small")
    with left_as_found(lab, request.param) as hands:
        yield hands


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    yield from serve(tmp_path_factory.mktemp("sshd"))


@pytest.fixture
def tidy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No agent and no keys of whoever runs the tests; no thread or descriptor left behind."""
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    threads, files = threading.active_count(), open_files()
    yield
    wait_until(lambda: threading.active_count() <= threads, 5, "threads to end")
    wait_until(lambda: open_files() <= files, 5, "descriptors to be closed")
