"""Which hosts a lab has, from what was asked for."""

import subprocess

import pytest

from orchestrator.errors import BadInput
from orchestrator.lab.folder import Folder, lab_root, running_lab
from orchestrator.lab.hosts import DEFAULT, plan_hosts


def test_the_default_is_two_of_each() -> None:
    hosts = plan_hosts(DEFAULT)
    names = [f"{engine}{n}" for engine in ("unbound", "bind", "pdns", "knot") for n in (1, 2)]
    assert [host.name for host in hosts] == names
    assert len({host.address for host in hosts}) == 8


@pytest.mark.parametrize(
    "text",
    ["", "unbound", "unbound=", "unbound=-1", "dnsmasq=1", "bind=1,bind=1", "bind=0", "bind=251"],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--resolvers"):
        plan_hosts(text)


def test_the_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("NTACTL_LAB", raising=False)
    assert lab_root() == tmp_path / "ntactl/lab"
    monkeypatch.setenv("NTACTL_LAB", str(tmp_path / "mine"))
    assert lab_root() == tmp_path / "mine"


def test_clearing_a_badly_chosen_folder_keeps_what_is_not_the_labs(tmp_path) -> None:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "thesis.tex").write_text("years of work")
    Folder(tmp_path).clear()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_no_lab_runs_in_an_empty_folder(tmp_path) -> None:
    assert running_lab(Folder(tmp_path)) is None


def test_a_process_of_another_whose_words_are_no_text(tmp_path) -> None:
    other = subprocess.Popen(["sh", "-c", "echo; read line", b"\xff"], stdin=-1, stdout=-1)
    try:
        assert other.stdout.readline() == b"\n"
        assert running_lab(Folder(tmp_path)) is None
    finally:
        other.communicate(b"\n")
