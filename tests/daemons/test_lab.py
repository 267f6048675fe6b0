"""The lab itself: up, down, exec, and nothing left behind, also after kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import NTACTL, ROOT, Lab, Run, a_lab, run, wait_until

SMALL = "unbound=1,bind=1"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("small"), SMALL) as running:
        yield running


def tried(lab: Lab, *argv: str) -> Run:
    """`ntactl lab ...`, which may fail."""
    done = run([*NTACTL, "lab", *argv], lab.env)
    assert "Traceback" not in done.err
    return done


def pids(lab: Lab) -> set[int]:
    """Processes whose command line names the lab's folder, seen from outside."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            argv = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if (
            any(str(lab.folder).encode() in word for word in argv)
            and int(entry.name) != os.getpid()
        ):
            found.add(int(entry.name))
    return found


def namespaces(lab: Lab) -> set[str]:
    """The network namespaces that the lab's processes are in."""
    return {_net(pid) for pid in pids(lab)} - {_net(os.getpid()), ""}


def _net(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return ""


def in_use(spaces: set[str]) -> set[int]:
    """Whatever process still lives in one of these namespaces."""
    return {int(e.name) for e in Path("/proc").glob("[0-9]*") if _net(int(e.name)) in spaces}


def world() -> tuple[str, str]:
    """Mounts and addresses of the machine itself."""
    addresses = subprocess.run(["ip", "-o", "addr"], capture_output=True, text=True, check=True)
    stable = [line.split(" valid_lft")[0] for line in addresses.stdout.splitlines()]
    return Path("/proc/self/mounts").read_text(), "\n".join(stable)


def assert_gone(lab: Lab, spaces: set[str]) -> None:
    wait_until(lambda: not in_use(spaces), 10, "the lab's processes to end", every=0.1)
    assert str(lab.folder) not in world()[0]
    assert "lab0" not in world()[1]


def test_up_returns_when_everything_answers(small: Lab) -> None:
    status = small.status()
    assert all(host["up"] for host in status["hosts"])
    assert small.validated("de.", "www.denic.de.", "org.")
    for host in small.hosts():
        assert small.ssh(host, "true").code == 0


def test_status_is_what_scripts_rely_on(small: Lab) -> None:
    status = small.status()
    assert status["schema"] == "ntactl/lab-status/1"
    assert sorted(host["engine"] for host in status["hosts"]) == ["bind", "unbound"]
    for host in status["hosts"]:
        assert {"name", "address", "engine", "root", "config"} <= set(host)
        assert Path(host["root"]).is_dir()
        assert all(any(Path(folder).iterdir()) for folder in host["config"])
    assert (status["zones"]["control"], status["zones"]["bogus"]) == ("org.", "bogus.")
    assert "amazon.de." in status["names"]


def test_exec_keeps_folder_streams_path_and_exit_code(small: Lab, tmp_path: Path) -> None:
    argv = [*NTACTL, "lab", "exec", "--", "sh", "-c", 'pwd; echo "$PATH"; cat; echo e >&2; exit 37']
    env = {**small.env, "PATH": f"/sbin/of/mine:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        argv, env=env, cwd=tmp_path, input="in\n", capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [str(tmp_path), env["PATH"], "in"]
    assert (done.stderr, done.returncode) == ("e\n", 37)


def test_exec_shares_tmp_and_sets_the_environment(small: Lab, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert small.inside("touch", str(mark)).code == 0
    assert mark.exists()
    for name in ("INVENTORY", "ROOT_HINTS", "TRUST_ANCHOR", "STATE"):
        told = small.inside("sh", "-c", f'printf %s "$NTACTL_{name}"').out
        assert Path(told).exists(), name


def test_exec_of_what_does_not_exist_is_127_as_in_a_shell(small: Lab) -> None:
    done = small.inside("no-such-program")
    assert done.code == 127
    assert "Traceback" not in done.err


def test_a_second_up_changes_nothing(small: Lab) -> None:
    before = pids(small)
    done = tried(small, "up", "--resolvers", SMALL)
    assert (done.code, done.out) == (0, "")
    assert "already" in done.err
    assert before <= pids(small)


@pytest.mark.parametrize(
    "argv",
    [
        ("break", "xx.", "--as", "fj-2022"),
        ("break", "de.", "--as", "nothing-of-that-name"),
        ("break", "de.", "--as", "na-2019", "--phase", "3"),
        ("break", "de.", "--as", "na-2019", "--phase", "0"),
        ("break", "a..b", "--as", "na-2019"),
        ("heal", "xx."),
        ("up", "--resolvers", "dnsmasq=1"),
        ("up", "--resolvers", "unbound=0"),
        ("host", "unbound9", "stop"),
        ("host", "unbound1", "paint"),
    ],
    ids=" ".join,
)
def test_what_the_lab_does_not_know_is_a_clear_error(small: Lab, argv: tuple[str, ...]) -> None:
    done = tried(small, *argv)
    assert done.code == 2, done.err
    assert done.err.strip()
    assert done.out == ""


def test_two_labs_live_side_by_side(small: Lab, tmp_path: Path) -> None:
    with a_lab(tmp_path / "second", SMALL) as second:
        second.lab("break", "de.", "--as", "fj-2022")
        assert second.ntactl("check", "de.").code == 10
        assert small.ntactl("check", "de.").code == 0
    assert small.validated("de.")


def test_down_leaves_nothing_and_may_be_repeated(tmp_path: Path) -> None:
    before = world()
    with a_lab(tmp_path / "lab", SMALL) as lab:
        spaces = namespaces(lab)
        assert len(spaces) >= 3
    assert_gone(lab, spaces)
    assert world() == before
    assert tried(lab, "down").code == 0
    assert tried(lab, "status", "--json").code != 0


@pytest.mark.parametrize("which", ["outer", "inner"])
def test_kill_9_of_the_lab_leaves_nothing_and_up_works_again(tmp_path: Path, which: str) -> None:
    with a_lab(tmp_path / "lab", SMALL) as lab:
        spaces = namespaces(lab)
        os.kill(_of_lab(lab)[which], signal.SIGKILL)
        assert_gone(lab, spaces)
        done = tried(lab, "status")
        assert done.code != 0
        assert "ntactl lab up" in done.err
        lab.lab("down")
        lab.lab("up", "--resolvers", SMALL)
        assert lab.validated("de.")


def _of_lab(lab: Lab) -> dict[str, int]:
    """The outer unshare, and PID 1 of the lab's namespaces."""
    from orchestrator.lab.folder import Folder, running_lab

    running = running_lab(Folder(lab.folder))
    assert running is not None
    assert running.outer is not None
    assert running.inner is not None
    return {"outer": running.outer, "inner": running.inner}


def test_without_root_the_lab_says_so() -> None:
    """Root is shed once all is loaded, since Python's own files may be root's alone."""
    code = (
        "import os, fractions\n"
        "from pathlib import Path\n"
        "from orchestrator.errors import LabError\n"
        "from orchestrator.lab import folder, lifecycle\n"
        "from orchestrator.lab.asked import Asked\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: lifecycle.up(folder.Folder(Path('/tmp/nobodys-lab')), Asked('unbound=1'))\n"
        "except LabError as error: print(error.what, error.next_step)\n"
    )
    done = run([NTACTL[0], "-c", code], {**os.environ})
    assert "needs root" in done.out, done.err
    assert "sudo ntactl lab up" in done.out
    assert not Path("/tmp/nobodys-lab").exists()
