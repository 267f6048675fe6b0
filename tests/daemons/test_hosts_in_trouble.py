"""One bad host never stops the others: every kind of trouble on hosts of one fleet, all at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import Lab, a_lab, wait_until

UNBOUND_D, BIND_D = "/etc/unbound/unbound.conf.d", "/etc/bind"
DIGEST = "F341357809A5954311CCB82ADE114C6C1D724A75C0395137AA3978035425E78D"
KEY = "/etc/ssh/ssh_host_ed25519_key"
SSHD = "/etc/lab/service sshd"
FULL = (
    "mkdir -p /var/lib/ntactl; mount -t tmpfs -o size=4k,mode=700 full /var/lib/ntactl;"
    " head -c 4096 /dev/zero > /var/lib/ntactl/filler"
)
ANCHOR = f'trust-anchors {{ de static-ds 26755 8 2 "{DIGEST}"; }};'


@dataclass(frozen=True)
class Trouble:
    """What is wrong with a host, how it is mended, and the rule by which it is left alone."""

    host: str
    rule: str
    make: str
    mend: str
    seen_by_plan: bool = True


GOOD = ("unbound1", "unbound2", "bind1", "bind2")
TROUBLES = (
    Trouble("unbound3", "unreachable", f"{SSHD} stop", f"{SSHD} start"),
    Trouble(
        *("bind3", "unreachable"),
        "kill -STOP $(cat /run/sshd.pid)",  # the kernel takes connections, nobody greets
        "kill -CONT $(cat /run/sshd.pid)",
    ),
    Trouble(
        *("unbound4", "host-key"),
        f"mv {KEY} {KEY}.old; ssh-keygen -q -t ed25519 -N '' -f {KEY}; {SSHD} restart",
        f"mv {KEY}.old {KEY}; {SSHD} restart",
    ),
    Trouble("unbound5", "no-sudo", "true", "true"),  # its inventory entry says "ops"
    Trouble("bind5", "disk-full", FULL, "umount /var/lib/ntactl", seen_by_plan=False),
    Trouble(
        *("unbound6", "daemon-down"),
        "/etc/lab/service resolver stop",
        "/etc/lab/service resolver start",
    ),
    Trouble(
        *("bind6", "broken-config"),
        f"echo 'nonsense {{' >> {BIND_D}/named.conf.local",
        f"sed -i '$d' {BIND_D}/named.conf.local",
    ),
    Trouble(
        *("unbound7", "broken-config"),
        f"echo 'nonsense {{' > {UNBOUND_D}/broken.conf",
        f"rm {UNBOUND_D}/broken.conf",
    ),
    Trouble(
        *("bind7", "foreign-nta"),
        "rndc nta -force -lifetime 3600 de",
        "rndc nta -remove de",
    ),
    Trouble(
        *("unbound8", "foreign-nta"),
        "unbound-control insecure_add de",
        "unbound-control insecure_remove de",
    ),
    Trouble(
        *("bind8", "explicit-anchor"),
        f"echo '{ANCHOR}' >> {BIND_D}/named.conf.local",
        f"sed -i '$d' {BIND_D}/named.conf.local",
    ),
    Trouble(
        *("unbound9", "guard-scheduler"),
        "/etc/lab/service cron stop",
        "/etc/lab/service cron start",
    ),
)
UNKNOWN = "bind4"  # the one whose key is not among the known hosts


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with a_lab(tmp_path_factory.mktemp("fleet"), "unbound=9,bind=8") as lab:
        lab.lab("break", "de.", "--as", "zm-2015")
        yield lab


@pytest.fixture
def troubled(fleet: Lab) -> Iterator[Lab]:
    """A fleet most of which is in trouble; mended at the end."""
    for trouble in TROUBLES:
        done = fleet.on_host(trouble.host, trouble.make)
        assert done.code == 0, f"{trouble}: {done.err}"
    yield fleet
    for trouble in TROUBLES:
        fleet.on_host(trouble.host, trouble.mend)


def inventory(lab: Lab, folder: Path, names: set[str]) -> Path:
    """The lab's inventory with some hosts only, and with faults of its own on two of them."""
    content: Any = yaml.safe_load((lab.folder / "inventory.yaml").read_text())
    content["hosts"] = [host for host in content["hosts"] if host["name"] in names]
    known = Path(content["defaults"]["ssh"]["known_hosts"])
    for host in content["hosts"]:
        if host["name"] == "unbound5":
            host |= {"ssh": {**content["defaults"]["ssh"], "user": "ops"}, "sudo": True}
        if host["name"] == UNKNOWN:
            lines = known.read_text().splitlines(keepends=True)
            mine = [line for line in lines if line.split()[0] != host["address"]]
            (folder / "known_hosts").write_text("".join(mine))
            known_now = str(folder / "known_hosts")
            host["ssh"] = {**content["defaults"]["ssh"], "known_hosts": known_now}
    path = folder / "inventory.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def policy(lab: Lab, folder: Path, budget: int) -> Path:
    content = yaml.safe_load((lab.folder / "playbook.yaml").read_text())
    content["budget"]["failed_hosts"] = budget
    path = folder / "playbook.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def files_of(lab: Lab, names: set[str]) -> dict[str, str]:
    return {
        path: seen
        for path, seen in lab.files().items()
        if any(f"/hosts/{name}/" in path for name in names)
    }


def rules(hosts: Any) -> dict[str, str]:
    return {host["host"]: host["rule"] for host in hosts if host["rule"]}


def expected() -> dict[str, str]:
    return {trouble.host: trouble.rule for trouble in TROUBLES} | {UNKNOWN: "host-key"}


def test_each_is_left_alone_and_named_and_the_others_are_healed(
    troubled: Lab, tmp_path: Path
) -> None:
    bad = set(expected())
    where = ("-i", str(inventory(troubled, tmp_path, bad | set(GOOD))))
    how = ("--playbook", str(policy(troubled, tmp_path, len(bad))))
    before = files_of(troubled, bad)
    made = troubled.approved(tmp_path / "p.json", *where, *how)
    left_alone = {h["host"]["name"]: h["rule"] for h in made["hosts"] if h["rule"]}
    late = {trouble.host for trouble in TROUBLES if not trouble.seen_by_plan}
    assert left_alone == {host: rule for host, rule in expected().items() if host not in late}
    done = troubled.ok("apply", str(tmp_path / "p.json"), "--json", code=7)
    assert rules(done.json["hosts"]) == expected()
    assert files_of(troubled, bad) == before
    assert all(troubled.ntas(name) == ["de."] for name in GOOD)
    troubled.ok("revert", made["ntas"][0]["id"], "--yes")
    assert all(troubled.ntas(name) == [] for name in GOOD)


def test_trouble_that_comes_after_the_plan_is_met_on_the_host(fleet: Lab, tmp_path: Path) -> None:
    bad = set(expected()) - {"unbound5", UNKNOWN}
    where = ("-i", str(inventory(fleet, tmp_path, bad | set(GOOD))))
    made = fleet.approved(
        tmp_path / "p.json", *where, "--playbook", str(policy(fleet, tmp_path, len(bad)))
    )
    assert not any(planned["rule"] for planned in made["hosts"])
    for trouble in TROUBLES:
        assert fleet.on_host(trouble.host, trouble.make).code == 0
    before = files_of(fleet, bad)
    done = fleet.ok("apply", str(tmp_path / "p.json"), "--json", code=7)
    after = files_of(fleet, bad)
    for trouble in TROUBLES:
        fleet.on_host(trouble.host, trouble.mend)
    assert rules(done.json["hosts"]) == {
        host: rule for host, rule in expected().items() if host in bad
    }
    assert after == before
    assert all(fleet.ntas(name) == ["de."] for name in GOOD)
    fleet.ok("revert", made["ntas"][0]["id"], "--yes")


def test_another_host_stands_in_for_a_canary_that_fell_out(fleet: Lab, tmp_path: Path) -> None:
    names = {"unbound1", "unbound2", "unbound3", "bind1", "bind2"}
    where = ("-i", str(inventory(fleet, tmp_path, names)))
    made = fleet.approved(tmp_path / "p.json", *where)
    assert made["waves"][0] == ["unbound1", "bind1"]
    fleet.on_host("unbound1", f"{SSHD} stop")
    done = fleet.ok("apply", str(tmp_path / "p.json"), code=7)
    fleet.on_host("unbound1", f"{SSHD} start")
    assert "canary: unbound2\n" in done.err
    assert {name for name in names if fleet.ntas(name) == ["de."]} == names - {"unbound1"}
    fleet.ok("revert", made["ntas"][0]["id"], "--yes")


def test_a_fleet_of_nothing_but_trouble_is_refused(troubled: Lab, tmp_path: Path) -> None:
    seen = {trouble.host for trouble in TROUBLES if trouble.seen_by_plan} | {UNKNOWN}
    where = ("-i", str(inventory(troubled, tmp_path, seen)))
    how = ("--playbook", str(policy(troubled, tmp_path, len(seen))))
    troubled.approved(tmp_path / "p.json", *where, *how)
    done = troubled.ok("apply", str(tmp_path / "p.json"), code=4)
    assert "no-host-left" in done.err
    assert all(host in done.err for host in seen)


def test_the_budget_of_the_lab_is_one_host(troubled: Lab, tmp_path: Path) -> None:
    where = ("-i", str(inventory(troubled, tmp_path, {"unbound1", "bind1", "bind2", "bind8"})))
    made = troubled.approved(tmp_path / "one.json", *where)
    troubled.ok("apply", str(tmp_path / "one.json"), code=7)
    troubled.ok("revert", made["ntas"][0]["id"], "--yes")
    two = ("-i", str(inventory(troubled, tmp_path, {"unbound1", "bind1", "bind7", "bind8"})))
    troubled.approved(tmp_path / "two.json", *two)
    refused = troubled.ok("apply", str(tmp_path / "two.json"), code=4)
    assert "budget" in refused.err
    assert all(name in refused.err for name in ("bind7", "bind8"))
    wait_until(lambda: troubled.ntas("unbound1") == [], 1, "nothing touched")
