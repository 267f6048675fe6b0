"""Resolvers with faults of their own, on real daemons: each is named, the zone is not blamed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from harness import Lab

RESTART = "/etc/lab/service resolver restart"
KEPT = "/etc/unbound /var/lib/unbound /etc/bind /etc/ssh/sshd_config"
EXTRA = "/etc/unbound/unbound.conf.d/zz-test.conf"
AFRESH = f"{RESTART} && /etc/lab/service sshd restart"
FAKETIME = "$(ls /usr/lib/*/faketime/libfaketime.so.1)"
# The resolver, and what SSH runs, live in 2040.
CLOCK = (
    f'echo "SetEnv LD_PRELOAD={FAKETIME} FAKETIME=+5000d" >>/etc/ssh/sshd_config; '
    f"LD_PRELOAD={FAKETIME} FAKETIME=+5000d {RESTART}; /etc/lab/service sshd restart"
)


class Fault(NamedTuple):
    """What is done to a host, and the cause that is told of it."""

    host: str
    done: str
    cause: str
    severity: str = "error"


def unbound_with(setting: str) -> str:
    return f"printf 'server:\\n  %s\\n' '{setting}' >{EXTRA}; {RESTART}"


def sed(script: str, path: str) -> str:
    return f"sed -E -i 's/{script}/' {path} && {RESTART}"


FAULTS = {
    "permissive": Fault(
        "unbound1", "unbound-control set_option val-permissive-mode: yes", "not-validating"
    ),
    "no validator": Fault("unbound1", unbound_with('module-config: "iterator"'), "not-validating"),
    "clock": Fault("unbound1", CLOCK, "clock-suspect"),
    "anchor": Fault(
        "unbound1", sed("257 3 13 .{16}/257 3 13 AAAAAAAAAAAAAAAA", "/var/lib/unbound/root.key"),
        "trust-anchor-mismatch",
    ),
    "NTA": Fault("unbound1", "unbound-control insecure_add de.", "nta-present", "info"),
    "BIND, validation off": Fault(
        "bind1", sed("validation yes/validation no", "/etc/bind/named.conf.options"),
        "not-validating",
    ),
    "BIND, anchor": Fault(
        "bind1",
        sed('[0-9A-Fa-f]{16}";/0123456789ABCDEF";', "/etc/bind/named.conf.options"),
        "trust-anchor-mismatch",
    ),
    "BIND, NTA": Fault("bind1", "rndc nta -lifetime 600 de", "nta-present", "info"),
}  # fmt: skip


@contextmanager
def put_right(lab: Lab, host: str) -> Iterator[None]:
    """Afterwards the host is as it was, with an empty cache."""
    before = lab.on_host(host, f"tar -cf /var/kept.tar $(ls -d {KEPT} 2>/dev/null)")
    assert before.code == 0, before.err
    try:
        yield
    finally:
        back = lab.on_host(host, f"rm -f {EXTRA}; tar -xf /var/kept.tar -C / && {AFRESH}")
        assert back.code == 0, back.err


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_one_resolver_is_named(small: Lab, fault: Fault) -> None:
    with put_right(small, fault.host):
        done = small.on_host(fault.host, f"{fault.done}; /etc/lab/service resolver forget .")
        assert done.code == 0, done.err
        checked = small.ntactl("check", "de.", "--rounds", "1", "--json")
        (verdict,) = checked.json["zones"]
    assert (verdict["state"], verdict["remedy"]) == ("secure", "none"), verdict
    told = [(found["server"], found["cause"], found["severity"]) for found in verdict["findings"]]
    assert told == [(fault.host, fault.cause, fault.severity)], verdict["findings"]
    assert checked.code == (13 if fault.severity == "error" else 0)
