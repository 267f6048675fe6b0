"""The wrapper of least privilege: what it takes for orders, and what it never runs."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hands import a_host, nta

from orchestrator import cli
from orchestrator.fleet.command import command
from orchestrator.rollout.shell import kind
from orchestrator.rollout.transaction import (
    count_program,
    flush_program,
    read_program,
    revert_program,
)
from orchestrator.rollout.wrapper import sudoers, wrapper

UNBOUND = a_host("unbound", sudo="restricted")
BIND = a_host("bind", sudo="restricted", paths={"config": "/etc/bind/it's.conf"})
SHELLS = [["dash"], ["bash", "--posix"], ["busybox", "sh"]]
GOOD = f"now 1\nkind {kind(UNBOUND)}\naction read"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wrapper") / "ntactl-host"
    path.write_text(wrapper([UNBOUND, BIND]))
    return path


def run(path: Path, *arguments: str, shell: Sequence[str] = ("sh",)) -> tuple[int, str, str]:
    done = subprocess.run(
        [*shell, path, *arguments], text=True, capture_output=True, check=False, timeout=20
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_good_orders_are_carried_out(installed: Path, shell: list[str]) -> None:
    for host in (UNBOUND, BIND):
        code, out, _ = run(installed, f"now 1\n{read_program(host)}", shell=shell)
        assert code == 0
        assert out.startswith("ntactl-begin-reading\nnow ")
        assert re.search("^problem (engine-missing|host-clock|no-sudo) ", out, re.MULTILINE)
        code, out, _ = run(installed, f"now 1\n{count_program(host)}", shell=shell)
        assert code == 0
        assert re.search("^problem (no-counters|no-sudo) ", out, re.MULTILINE)


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize(
    "orders",
    [
        "",
        "action read",
        GOOD.replace("now 1\n", ""),
        GOOD.replace("now 1", "now -1"),
        f"{GOOD}\n",
        f" {GOOD}",
        f"{GOOD} ",
        f"{GOOD}\r",
        f"{GOOD}\nexpected $(touch ran)",
        f"{GOOD}\ntouch ran",
        f"{GOOD}; touch ran",
        f"{GOOD}\nORDERS\ntouch ran",
        GOOD.replace("read", "apply"),
        GOOD.replace("read", "apply\ngeneration 1\nnta de-1 de. 1"),
        GOOD.replace("read", "revert\ngeneration 1"),
        GOOD.replace("read", "flush"),
        GOOD.replace("read", "flush\nzone ."),
        GOOD.replace("read", "flush\nzone de"),
        GOOD.replace("read", "flush\nzone -c."),
        GOOD.replace("read", "flush\nzone de. $(touch ran)"),
        GOOD.replace("read", "flush\nzone de.\nnta de-1 de. 1"),
        GOOD.replace("read", "revert\ngeneration 1\nnta ../x de. 1"),
        GOOD.replace("read", "revert\ngeneration 1\nnta de-1 -c. 1"),
        GOOD.replace("read", "revert\ngeneration 1\nnta de-1 . 1"),
        GOOD.replace("read", 'revert\ngeneration 1\nnta de-1 de."; touch ran; " 1'),
        GOOD.replace("read", "revert\ngeneration 1\nnta de-1 d\u00e9. 1"),
        GOOD.replace("read", "revert\ngeneration 1\nnta de-1 de. `touch ran`"),
    ],
)
def test_what_is_no_order_is_refused_whole(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orders: str, shell: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(installed, orders, shell=shell)
    assert (code, out) == (2, "")
    assert "ntactl-host: " in err
    assert list(tmp_path.iterdir()) == []


def test_orders_are_one_argument(installed: Path) -> None:
    assert run(installed)[0] == 2
    assert run(installed, "-c", "touch ran")[0] == 2


def test_orders_for_another_version_say_so(installed: Path) -> None:
    code, out, _ = run(installed, GOOD.replace(kind(UNBOUND), "0" * 64))
    assert code == 4
    assert "problem no-sudo the ntactl-host on this host is of another version" in out


def test_a_restricted_host_is_sent_orders_and_no_code() -> None:
    order = nta()
    assert read_program(UNBOUND) == f"kind {kind(UNBOUND)}\naction read"
    reverted = revert_program(UNBOUND, [order], 7)
    end = int(order.ends_at.timestamp())
    assert reverted.endswith(f"action revert\ngeneration 7\nonce_more no\nnta {order.id} de. {end}")
    assert flush_program(UNBOUND, "de.").endswith("action flush\nzone de.")
    assert command(UNBOUND, "x", 5.5) == "exec sudo -n /usr/local/sbin/ntactl-host 'now 5\nx'"


def test_a_kind_tells_engines_paths_and_versions_apart() -> None:
    moved = UNBOUND.model_copy(update={"paths": BIND.paths})
    assert len({kind(host) for host in (UNBOUND, BIND, moved)}) == 3
    named = UNBOUND.model_copy(update={"name": "other"})
    assert kind(named) == kind(UNBOUND)
    assert wrapper([UNBOUND, named]) == wrapper([named])


def test_visudo_takes_the_fragment(tmp_path: Path) -> None:
    path = tmp_path / "fragment"
    path.write_text(sudoers([UNBOUND, BIND], ["ntactl", "op.two"]))
    path.chmod(0o440)
    done = subprocess.run(["visudo", "-cf", path], capture_output=True, text=True, check=False)
    assert (done.returncode, "parsed OK" in done.stdout) == (0, True), done.stderr
    lines = [line for line in path.read_text().splitlines() if "NOPASSWD" in line]
    assert len(lines) == 2
    assert all(line.endswith("/usr/local/sbin/ntactl-host") for line in lines)


def inventory(folder: Path, user: str) -> str:
    path = folder / "fleet.yaml"
    said = f"defaults: {{engine: bind, sudo: restricted, ssh: {{{user}}}}}\n"
    path.write_text(said + "hosts: [{name: a, address: 192.0.2.1}]\n")
    return str(path)


def test_the_command_prints_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> str:
        assert cli.run(["fleet", *arguments]) == 0
        return capsys.readouterr().out

    named = inventory(tmp_path, "user: op")
    assert "\nop ALL = (root) NOPASSWD: sha256:" in said("sudoers", "-i", named)
    assert "\nme ALL = " in said("sudoers", "-i", named, "--user", "me")
    assert said("wrapper", "-i", named).startswith("#!/bin/sh\n")


@pytest.mark.parametrize(
    ("user", "more", "why"),
    [("", [], "names no user but root"), ("", ["--user", "a b"], "is no user's name")],
)
def test_a_user_it_must_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], user: str, more: list[str], why: str
) -> None:
    assert cli.run(["fleet", "sudoers", "-i", inventory(tmp_path, user), *more]) == 2
    assert why in capsys.readouterr().err
