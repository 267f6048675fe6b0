"""An audit for a terminal, for scripts, and for a monitoring system. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from shlex import join, quote
from typing import Any

from orchestrator.audit.judge import Finding
from orchestrator.engines.weak import Severity
from orchestrator.fleet.inventory import Host
from orchestrator.report.verdict import WIDTH, wrapped

_CODES: dict[Severity, int] = {
    "error": 2,
    "warning": 1,
    "note": 0,
}  # severities as a plug-in's exit codes
_STATES = ("OK", "WARNING", "CRITICAL")


def mend(finding: Finding) -> str:
    """The whole command to type on this machine; "" where only a person can know."""
    commands = " && ".join(finding.weakness.mend)
    if not commands or finding.on_controller:
        return commands
    return f"{_ssh(finding.host)} {quote(_as_root(finding.host, commands))}"


def _ssh(host: Host) -> str:
    """As the inventory reaches the host; what it leaves out, ssh's own configuration says."""
    words = ["ssh"]
    if host.ssh.port:
        words += ["-p", str(host.ssh.port)]
    if host.ssh.key:
        words += ["-i", str(host.ssh.key)]
    if host.ssh.known_hosts:
        words += ["-o", f"UserKnownHostsFile={host.ssh.known_hosts}"]
    if host.ssh.jump:
        words += ["-o", f"ProxyJump={host.ssh.jump}"]
    return join([*words, f"{host.ssh.user}@{host.address}" if host.ssh.user else str(host.address)])


def _as_root(host: Host, commands: str) -> str:
    return f"sudo sh -c {quote(commands)}" if host.sudo else commands


def serious(found: Iterable[Finding]) -> list[Finding]:
    """What is not a mere note."""
    return [one for one in found if one.weakness.severity != "note"]


def text(found: Sequence[Finding], hosts: int, width: int = WIDTH) -> str:
    """Every finding with what shows it and what mends it, host by host, ending in a newline."""
    parts = [_of_host(host, found, width) for host in dict.fromkeys(one.host for one in found)]
    return "\n".join([*parts, f"{_sum(found)} on {hosts} host{'s' * (hosts != 1)}\n"])


def _of_host(host: Host, found: Sequence[Finding], width: int) -> str:
    lines = [f"{host.name} ({host.engine}, {host.address})"]
    for one in found:
        if one.host == host:
            lines += _of_finding(one, width)
    return "\n".join(lines) + "\n"


def _of_finding(one: Finding, width: int) -> list[str]:
    weak = one.weakness
    lines = [wrapped(f"{weak.severity}: {weak.rule}: {weak.says}", "  ", width)]
    lines += [f"      {line}" for line in weak.evidence]
    command = mend(one)
    return [*lines, f"    mend: {command}"] if command else lines


def _sum(found: Iterable[Finding]) -> str:
    counts = Counter(one.weakness.severity for one in found)
    said = [f"{n} {word}{'s' * (n != 1)}" for word in _CODES if (n := counts[word])]
    return ", ".join(said) or "nothing weakens validation"


def json_of(found: Sequence[Finding], hosts: int) -> dict[str, Any]:
    """`findings`, and `notes`, which are no fault of anybody."""
    rows = [_row(one) for one in found]
    return {
        "schema": "ntactl/audit/1",
        "hosts": hosts,
        "findings": [row for row in rows if row["severity"] != "note"],
        "notes": [row for row in rows if row["severity"] == "note"],
    }


def _row(one: Finding) -> dict[str, Any]:
    weak = one.weakness
    return {
        "host": one.host.name,
        "engine": one.host.engine,
        "rule": weak.rule,
        "severity": weak.severity,
        "says": weak.says,
        "evidence": list(weak.evidence),
        "mend": mend(one),
    }


def nagios(found: Sequence[Finding], hosts: int) -> tuple[str, int]:
    """One line with performance data, and the plug-in's exit code."""
    code = max((_CODES[one.weakness.severity] for one in found), default=0)
    counts = Counter(one.weakness.severity for one in found)
    worst = dict.fromkeys(f"{one.host.name} {one.weakness.rule}" for one in serious(found))
    first = f": {', '.join(list(worst)[:3])}" if worst else ""
    figures = " ".join(f"{word}s={counts[word]}" for word in _CODES)
    return f"NTACTL AUDIT {_STATES[code]} - {_sum(found)}{first} | hosts={hosts} {figures}", code
