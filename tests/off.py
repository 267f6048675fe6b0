"""Validation off on the lab: what others do to that end, and what resolvers answer then."""

from __future__ import annotations

import subprocess
from datetime import timedelta

from by_hand import kresd
from hands import Hands, now
from harness import wait_until

from orchestrator.rollout.transaction import NtaOrder

ENGINES = ("unbound", "bind", "pdns", "knot")
# BIND 9.18 keeps an NTA for the root; 9.20 dies of one, and forgets its switch with each reload.
_NAMED = subprocess.run(["named", "-v"], capture_output=True, text=True, check=True).stdout
FORGETS = () if "BIND 9.18." in _NAMED else ("bind",)
NAMES = ("org.", "bogus.", "www.bogus.")
OFF = {(name, "NOERROR") for name in NAMES}
ON = {("org.", "NOERROR", True), ("bogus.", "SERVFAIL", False), ("www.bogus.", "SERVFAIL", False)}
# What others do to the same end, and undo.
BY_OTHERS = {
    "unbound": (
        "unbound-control set_option val-permissive-mode: yes",
        "unbound-control set_option val-permissive-mode: no",
    ),
    "bind": ("rndc validation off; rndc flush", "rndc validation on; rndc flush")
    if FORGETS
    else ("rndc nta -lifetime 3600 .", "rndc nta -remove ."),
    "pdns": ("rec_control add-nta . by hand", "rec_control clear-nta ."),
    "knot": (
        kresd("(function() trust_anchors.remove('.') end)()"),
        kresd("trust_anchors.add_file('/var/lib/knot-resolver/root.keys', true)"),
    ),
}


# Where each has the root's trust anchor.
ANCHOR = {
    "unbound": "/var/lib/unbound/root.key",
    "bind": "/etc/bind/named.conf.options",
    "pdns": "/etc/powerdns/root.key",
    "knot": "/var/lib/knot-resolver/root.keys",
}


def override(seconds: float = 3600) -> NtaOrder:
    return NtaOrder(id="root-4f2a91c0", zone=".", ends_at=now() + timedelta(seconds=seconds))


def answers(host: Hands) -> set[tuple[str, str | None, bool]]:
    seen = host.lab.views(*NAMES).items()
    return {(name, rcode, ad) for (where, name), (rcode, ad) in seen if where == host.name}


def is_off(host: Hands) -> bool:
    return {(name, rcode) for name, rcode, _ in answers(host)} == OFF


def held(host: Hands) -> list[tuple[str, str | None]]:
    return [(running.zone, running.id) for running in host.read().running]


def restarted(host: Hands, edit: str) -> None:
    """Edited while it is stopped, and started with an empty cache."""
    host.service("resolver", "stop")
    host.sh(f"{edit}; rm -f /var/cache/knot-resolver/data.mdb")
    host.service("resolver", "start")
    wait_until(lambda: not host.read().problems, 5, "the resolver")


def with_wrong_anchor(host: Hands) -> None:
    path, nothing = ANCHOR[host.host.engine], "0" * 64
    edit = f"sed -i 's/[0-9a-fA-F]\\{{64\\}}/{nothing}/' {path}"
    if host.host.engine == "unbound":  # which has made DNSKEY records of it
        edit = f"echo '. IN DS 1 13 2 {nothing}' > {path}"
    restarted(host, f"cp -p {path} /var/good; {edit}")
