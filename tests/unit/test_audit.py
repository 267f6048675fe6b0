"""What an audit makes of what hosts tell: one file a case."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.audit.judge import Finding, findings
from orchestrator.engines.weak import Severity, Weakness
from orchestrator.fleet.inventory import Host, Paths, Ssh
from orchestrator.report.audit import json_of, mend, nagios, text
from orchestrator.rollout.answer import parse_audit

CASES = sorted((Path(__file__).parents[1] / "cases" / "audit").glob("*.yaml"))
NOW = datetime(2026, 11, 30, 22, tzinfo=UTC)
IANA = {20326, 38696}


def a_host(engine: str = "unbound", **fields: Any) -> Host:
    dropin = {"pdns": "/etc/powerdns/ntactl-nta.lua"}.get(engine, "")
    ssh = Ssh(user="root")
    given = {"name": "r1", "address": "10.0.0.1", "dns": "10.0.0.1", "engine": engine, "ssh": ssh}
    return Host.model_validate({**given, "paths": Paths(dropin=dropin), **fields})


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    said = f"banner\nntactl-begin-reading\n{case['told']}ntactl-end-reading\n"
    host = a_host(case["engine"])
    found = findings(host, parse_audit(host, said, NOW), IANA)
    told = [f"{one.weakness.rule} {one.weakness.severity}" for one in found]
    assert told == case["expected"]


def finding(host: Host, *commands: str, severity: Severity = "error") -> Finding:
    weak = Weakness("foreign-nta", severity, "de. is under an NTA", ("it has no end",), commands)
    return Finding(host, weak)


def test_a_command_goes_the_way_the_inventory_goes() -> None:
    ssh = Ssh(user="ops", port=2222, key=Path("/k y"), jump="j@192.0.2.1")
    *way, command = shlex.split(mend(finding(a_host(ssh=ssh, sudo="restricted"), "a 'b'", "c")))
    assert way == ["ssh", "-p", "2222", "-i", "/k y", "-o", "ProxyJump=j@192.0.2.1", "ops@10.0.0.1"]
    assert shlex.split(command) == ["sudo", "sh", "-c", "a 'b' && c"]


def test_what_is_nobodys_fault_is_no_finding() -> None:
    host = a_host()
    rows = json_of([finding(host, "x"), finding(host, severity="note")], 1)
    assert (len(rows["findings"]), len(rows["notes"])) == (1, 1)
    assert (rows["findings"][0]["mend"], rows["notes"][0]["mend"]) == ("ssh root@10.0.0.1 x", "")


def test_a_plug_in_tells_the_worst_in_one_line() -> None:
    host = a_host()
    line, code = nagios([finding(host, severity="warning"), finding(host)], 3)
    assert code == 2
    assert line.startswith("NTACTL AUDIT CRITICAL - 1 error, 1 warning: r1 foreign-nta | hosts=3 ")
    assert nagios([], 3)[0].startswith("NTACTL AUDIT OK - nothing weakens validation | hosts=3 ")


def test_for_a_terminal_everything_stands_under_its_host() -> None:
    shown = text([finding(a_host(), "x", "y")], 1)
    assert shown.splitlines() == [
        "r1 (unbound, 10.0.0.1)",
        "  error: foreign-nta: de. is under an NTA",
        "      it has no end",
        "    mend: ssh root@10.0.0.1 'x && y'",
        "",
        "1 error on 1 host",
    ]
