"""What each resolver software needs on a lab host: Debian's own layout, and what the lab adds."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from orchestrator.lab.files import give, put
from orchestrator.render import render


@dataclass(frozen=True, slots=True)
class LabEngine:
    """One software: its program, its configuration folder, whose it runs as, its site, its service.

    One engine a site: a canary wave (one host per engine and site) then leaves some for the rest.
    """

    program: str
    folder: str
    user: str
    site: str
    service: str  # what Debian calls it
    write: Callable[[Path, str, str, str], None]  # root of the host, address, root hints, anchor
    dropin: str = ""  # the file for ntactl's NTAs that its configuration was told to read


def _unbound(root: Path, address: str, hints: str, anchor: str) -> None:
    etc = root / "etc/unbound"
    include = 'include-toplevel: "/etc/unbound/unbound.conf.d/*.conf"\n'
    put(etc / "unbound.conf", include)
    put(etc / "root.hints", hints)
    dropins = etc / "unbound.conf.d"
    put(dropins / "lab.conf", render("lab/unbound.conf.j2", address=address))
    put(
        dropins / "remote-control.conf",
        "remote-control:\n    control-enable: yes\n    control-interface: /run/unbound.ctl\n",
    )
    put(
        dropins / "root-auto-trust-anchor-file.conf",
        'server:\n    auto-trust-anchor-file: "/var/lib/unbound/root.key"\n',
    )
    put(root / "var/lib/unbound/root.key", anchor)
    put(root / "var/log/unbound/unbound.log", "")
    places = ("lib/unbound", "lib/unbound/root.key", "log/unbound", "log/unbound/unbound.log")
    give("unbound", *(root / "var" / place for place in places))


def _bind(root: Path, address: str, hints: str, anchor: str) -> None:
    etc = root / "etc/bind"
    _, _, _, tag, algorithm, digest_type, digest = anchor.split()
    static = f'{tag} {algorithm} {digest_type} "{digest}"'
    options = render("lab/named.conf.options.j2", address=address, anchor=static)
    put(etc / "named.conf", render("lab/named.conf.j2"))
    put(etc / "named.conf.options", options)
    put(etc / "named.conf.local", "// Local zones would go here.\n")
    put(etc / "root.hints", hints)
    subprocess.run(
        ["rndc-confgen", "-a", "-c", str(etc / "rndc.key")], check=True, capture_output=True
    )
    give("bind", *(root / "var" / place for place in ("cache/bind", "lib/bind", "log/named")))
    give("bind", etc / "rndc.key")


def _pdns(root: Path, address: str, hints: str, anchor: str) -> None:
    etc = root / "etc/powerdns"
    form = "yml" if _pdns_release() >= 5 else "conf"  # Debian keeps the name
    put(etc / "recursor.conf", render(f"lab/recursor.{form}.j2", address=address))
    (etc / "recursor.d").mkdir()
    put(etc / "recursor.lua", render("lab/recursor.lua.j2"))
    put(etc / "root.hints", hints)
    put(etc / "root.key", anchor)
    give("pdns", root / "var/log/powerdns")


@cache
def _pdns_release() -> int:
    """The first number of its version; 5.2 reads YAML alone."""
    command = ["pdns_recursor", "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Recursor (\d+)\.", told.stdout + told.stderr)
    return int(found[1]) if found else 4


def _knot(root: Path, address: str, hints: str, anchor: str) -> None:
    etc = root / "etc/knot-resolver"
    if _KNOT_6:
        put(etc / "config.yaml", render("lab/knot-resolver.yaml.j2", address=address))
    else:
        put(etc / "kresd.conf", render("lab/kresd.conf.j2", address=address))
    put(etc / "root.hints", hints)
    put(root / "var/lib/knot-resolver/root.keys", anchor)
    places = ("lib/knot-resolver", "lib/knot-resolver/root.keys", "cache/knot-resolver")
    give("knot-resolver", *(root / "var" / place for place in (*places, "log/knot-resolver")))


_KNOT_6 = Path("/usr/bin/knot-resolver").exists()  # the manager of its workers

ENGINES = {
    "unbound": LabEngine("unbound", "/etc/unbound", "unbound", "east", "unbound", _unbound),
    "bind": LabEngine("named", "/etc/bind", "bind", "west", "named", _bind),
    "pdns": LabEngine(
        "pdns_recursor",
        "/etc/powerdns",
        "pdns",
        "north",
        "pdns-recursor",
        _pdns,
        "/etc/powerdns/ntactl-nta.lua",
    ),
    "knot": LabEngine(
        "kresd",
        "/etc/knot-resolver",
        "knot-resolver",
        "south",
        "knot-resolver" if _KNOT_6 else "kresd@*",
        _knot,
        "/etc/knot-resolver/ntactl-nta.conf",
    ),
}
