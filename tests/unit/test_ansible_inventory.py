"""Ansible's inventories as ours: tests/cases/inventory/NAME/{source.*, inventory.json, ...}.

inventory.json is what `ansible-inventory --list` (ansible-core 2.19.14) printed of the source; then
expected.yaml is the same fleet as a file of ours, or error.txt what is said instead.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from commands import ntactl

from orchestrator.errors import BadFile
from orchestrator.fleet.ansible import SOURCES, from_listing
from orchestrator.fleet.inventory import Host, Paths, Ssh
from orchestrator.fleet.load import load_inventory
from orchestrator.model import HostReading
from orchestrator.playbook import load_playbook, packaged_playbook
from orchestrator.rollout.plan import Plan, Request, make

CASES = sorted((Path(__file__).parents[1] / "cases" / "inventory").iterdir())
GOOD = [case for case in CASES if (case / "expected.yaml").exists()]
NOW = datetime(2026, 5, 5, 22, 0, tzinfo=UTC)
INI = "[bind]\nr1 ansible_host=192.0.2.1\n"
OURS = "hosts:\n- {name: r1, address: 192.0.2.1, engine: bind}\n"


def listing(**variables: Any) -> dict[str, Any]:
    """One host in no group."""
    return {"_meta": {"hostvars": {"r1": {"ansible_host": "192.0.2.1", **variables}}}}


def plan_of(inventory: str) -> Plan:
    fleet = load_inventory(Path(inventory))
    readings = {h.name: HostReading(host=h.name, at=NOW, engine=h.engine) for h in fleet.hosts}
    zones, hours = ("de.",), timedelta(hours=4)
    return make(
        Request(zones=zones, reason="broken", lifetime=hours, created_by="a"),
        plan_id="4f2a91c0",
        now=NOW,
        verdicts=[],
        inventory=fleet,
        playbook=load_playbook(packaged_playbook()),
        readings=readings,
        faults={},
    )


def refusal(path: Path) -> str:
    with pytest.raises(BadFile) as caught:
        load_inventory(path)
    return str(caught.value)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_listing_is_the_same_fleet_or_says_why_not(case: Path, monkeypatch) -> None:
    monkeypatch.chdir(case)
    if case in GOOD:
        expected = load_inventory(Path("expected.yaml"))
        assert load_inventory(Path("inventory.json")).hosts == expected.hosts
    else:
        assert refusal(Path("inventory.json")) + "\n" == Path("error.txt").read_text()


def test_a_plan_is_the_same_whichever_file_the_fleet_came_from(monkeypatch) -> None:
    monkeypatch.chdir(CASES[0].parent / "groups-and-children")
    ours, ansibles = plan_of("expected.yaml"), plan_of("inventory.json")
    assert ours.waves
    assert ours == ansibles


def test_every_field_of_a_host_has_a_variable() -> None:
    nested = {"ssh": Ssh, "paths": Paths}
    places = {(name,) for name in Host.model_fields.keys() - nested.keys() - {"name"}}
    places |= {(name, field) for name, model in nested.items() for field in model.model_fields}
    assert SOURCES.keys() == places


def test_hosts_without_an_engine_are_left_out_and_said(tmp_path: Path) -> None:
    case = CASES[0].parent / "groups-and-children" / "inventory.json"
    assert load_inventory(case).left_out == ("web1",)
    hosts = {f"w{n}": {"ansible_host": f"192.0.2.{n}"} for n in range(2, 7)}
    data = listing(ntactl_engine="bind")
    data["_meta"]["hostvars"] |= hosts
    (tmp_path / "fleet.json").write_text(json.dumps(data))
    done = ntactl(tmp_path, "fleet", "wrapper", "-i", "fleet.json")
    assert done.stderr == "fleet.json: hosts without an engine left out: 5 (w2, w3, w4, ...)\n"


def test_a_listing_through_a_pipe(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    text = json.dumps(listing(ntactl_engine="bind"))
    writing = threading.Thread(target=fifo.write_text, args=[text])
    writing.start()
    assert [host.name for host in load_inventory(fifo).hosts] == ["r1"]
    writing.join()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"_meta": []}, "f: _meta: is not what ansible-inventory --list prints: "),
        ({"_meta": {"hostvars": {"r1": 7}}}, "f: _meta.hostvars.r1: is not what"),
        ({"_meta": {}, "bind": ["r1"]}, "f: bind: is not what"),
        ({"_meta": {}, "bind": {"hosts": {"r1": {}}}}, "f: bind.hosts: is not what"),
        ({"_meta": {}}, "f: no host has an engine: set ntactl_engine (unbound, bind, pdns or "),
        (listing(ntactl_engine={"__ansible_vault": "x"}), "f: r1: ntactl_engine: is encrypted"),
        (listing(ntactl_engine=["bind"]), "f: r1: ntactl_engine: unknown engine ['bind'], known"),
        (listing(ntactl_engine="bind", ntactl_site="\ud800"), "f: r1: ntactl_site: "),
    ],
)
def test_what_no_ansible_prints_is_refused_too(data: dict[str, Any], said: str) -> None:
    with pytest.raises(BadFile) as caught:
        from_listing(data, "f")
    assert str(caught.value).startswith(said)


def test_groups_may_lie_in_each_other() -> None:
    data = {**listing(), "bind": {"children": ["b"]}, "b": {"children": ["bind"], "hosts": ["r1"]}}
    (host,) = from_listing(data, "f").hosts
    assert host.engine == "bind"


def test_a_path_with_a_home_that_nobody_has_stays() -> None:
    data = listing(ntactl_engine="bind", ansible_ssh_private_key_file="~nobody-here/id")
    (host,) = from_listing(data, "f").hosts
    assert host.ssh.key == Path("~nobody-here/id")


@pytest.mark.parametrize(
    "text",
    [
        INI,
        "# ours\n\n" + INI,
        "r0 ansible_host=192.0.2.2\r\n[bind:children] ; below\r\na\r\n",
        "---\nall:\n  hosts:\n    r1: {ansible_host: 192.0.2.1}\n",
        "bind:  # the fleet\n\n  # by site\n  children:\n    fra:\n      hosts:\n        r1:\n",
        "plugin: amazon.aws.aws_ec2\nregions: [eu-central-1]\n",
        "lab:\n    vars: {ntactl_engine: bind}\n    hosts: {192.0.2.1: }\n",
    ],
)
def test_what_only_ansible_can_read_needs_ansible(tmp_path: Path, monkeypatch, text: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "fleet"
    path.write_text(text)
    said = refusal(path)
    assert "only ansible-inventory can read this, and it is not installed" in said
    assert "ansible-inventory -i INVENTORY --list > fleet.json; then here: -i fleet.json" in said


def test_a_folder_is_ansibles(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", "")
    (tmp_path / "fleet.yaml").write_text(OURS)
    assert "only ansible-inventory can read this" in refusal(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        OURS,
        '"hosts":\n- {name: r1, address: 192.0.2.1, engine: bind}\n',
        "  hosts:\n  - {name: r1, address: 192.0.2.1, engine: bind}\n",
        '{"hosts": [{"name": "r1", "address": "192.0.2.1", "engine": "bind"}]}',
        "{hosts: [\n{name: r1, address: 192.0.2.1, engine: bind, labels:\n[a]\n}]}\n",
        "groups:\n  hosts: {engine: bind}\n" + OURS,
    ],
)
def test_no_file_of_ours_is_taken_for_ansibles(tmp_path: Path, monkeypatch, text: str) -> None:
    monkeypatch.setenv("PATH", "")
    path = tmp_path / "fleet"
    path.write_text(text)
    assert [host.name for host in load_inventory(path).hosts] == ["r1"]


@pytest.mark.parametrize("text", ["host:\n- {name: r1}\n", "defaults:\n  site: a\n", "hosts: [\n"])
def test_a_slip_in_a_file_of_ours_is_told_as_ours(tmp_path: Path, monkeypatch, text: str) -> None:
    monkeypatch.setenv("PATH", "")
    path = tmp_path / "fleet"
    path.write_text(text)
    assert "ansible" not in refusal(path)


def test_ansible_reads_no_pipe(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writing = threading.Thread(target=fifo.write_text, args=[INI])
    writing.start()
    assert refusal(fifo).endswith("next:  ansible-inventory -i INVENTORY --list | ntactl ... -i -")
    writing.join()


@pytest.fixture(scope="session")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Ansible's commands, in a venv of its own."""
    folder = tmp_path_factory.mktemp("ansible")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "ansible-core"]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    return folder / "bin"


@pytest.mark.soak
def test_ansible_itself(ansible: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", f"{ansible}:{os.environ['PATH']}")
    for case in GOOD:
        (source,) = case.glob("source.*")
        recorded = load_inventory(case / "inventory.json")
        assert load_inventory(source) == recorded
        folder = tmp_path / case.name
        folder.mkdir()
        (folder / f"hosts{source.suffix}").write_text(source.read_text())
        assert load_inventory(folder) == recorded


@pytest.mark.soak
def test_ansible_that_fails(ansible: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", f"{ansible}:{os.environ['PATH']}")
    (tmp_path / "hosts").write_text(INI)
    (tmp_path / "more.yml").write_text("bind: [\n")
    said, step = refusal(tmp_path).splitlines()
    assert said.startswith(f"{tmp_path}: ansible-inventory failed: [ERROR]: ")
    assert said.endswith(f"failed to parse inventory source {tmp_path}/more.yml")
    assert step == f"  next:  ansible-inventory -i {tmp_path} --list"


def test_the_page_names_every_variable() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "ansible.md"
    told = set(re.findall(r"`(\w+)`", page.read_text()))
    assert {name for names in SOURCES.values() for name in names} <= told
