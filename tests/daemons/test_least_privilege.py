"""The wrapper on real hosts: by real sudo for a user who may do nothing else, on real daemons."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hands import Hands, generation, now, nta
from harness import enter, run
from sshd import Sshd, one, serve

from orchestrator.fleet.inventory import Host
from orchestrator.fleet.outcome import Outcome
from orchestrator.fleet.run import Fleet
from orchestrator.model import Receipt
from orchestrator.rollout.answer import parse_counts, parse_reading, parse_receipt, refusal
from orchestrator.rollout.rights import granted, needed
from orchestrator.rollout.transaction import (
    apply_program,
    change,
    count_program,
    read_program,
    renew_program,
    revert_program,
)
from orchestrator.rollout.wrapper import sudoers, wrapper

# What is bound over the machine's own is seen by this sshd and its children alone.
FIRST = """\
for file in passwd shadow sudoers; do mount --bind {folder}/$file /etc/$file; done
mount -t tmpfs -o mode=755 bin /usr/local/sbin
install -m 755 {folder}/wrapper /usr/local/sbin/ntactl-host;"""
PASSWD = (
    "root:x:0:0::/root:/bin/sh\nsshd:x:103:65534::/:/bin/false\nntactl:x:4242:4242::/:/bin/sh\n"
)


@pytest.fixture(scope="module")
def place() -> Iterator[Sshd]:
    """An sshd whose machine lets the user ntactl run the wrapper."""
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to that user
        yield from serve_from(Path(name))


def serve_from(folder: Path) -> Iterator[Sshd]:
    folder.chmod(0o755)

    def before(sshd: Sshd) -> None:
        hosts = [restricted(sshd)]
        (folder / "passwd").write_text(PASSWD)
        (folder / "shadow").write_text("root:*:19000::::::\nntactl:*:19000::::::\n")
        (folder / "sudoers").write_text(sudoers(hosts, ["ntactl"]))
        (folder / "sudoers").chmod(0o440)
        (folder / "wrapper").write_text(wrapper(hosts))

    yield from serve(folder, before=before, first=FIRST.format(folder=folder))


def restricted(sshd: Sshd, **more: object) -> Host:
    return sshd.host(sudo="restricted", user="ntactl", **more)


def ask(host: Host) -> Outcome:
    return one(host, read_program(host))


@pytest.mark.usefixtures("tidy")
def test_sudo_runs_the_wrapper_and_nothing_else(place: Sshd) -> None:
    host = restricted(place)
    reading = parse_reading(host, ask(host).stdout, now())
    assert "no-sudo" not in {rule for rule, _ in reading.problems}
    with_sh = place.host(sudo=True, user="ntactl")
    assert refusal(one(with_sh, "id"))[0] == "no-sudo"
    for what in ("true", "/bin/sh -c id", "-u sshd true"):
        refused = one(place.host(user="ntactl"), f"sudo -n {what}")
        assert (refused.exit, refused.stdout) == (1, ""), what
    injected = one(host, "action read\nid >&3")
    assert (injected.exit, injected.stdout) == (2, "")


@pytest.mark.usefixtures("tidy")
def test_each_host_tells_its_rights(place: Sshd) -> None:
    hosts = {
        "sudo-ntactl-host": restricted(place),
        "sudo-sh": place.host(name="h2", sudo=True, user="ntactl"),
        "root": place.host(name="h3"),
    }
    assert {right: needed(host) for right, host in hosts.items()} == {r: r for r in hosts}
    with Fleet() as fleet:
        rights = granted(fleet, hosts.values(), deadline=20)
    assert rights["h1"] == rights["h2"] == ["sudo-ntactl-host"]
    assert rights["h3"][0] == "root"


@pytest.mark.usefixtures("tidy")
def test_a_wrapper_that_was_changed_is_not_run(place: Sshd) -> None:
    """sudo itself compares the content with the digest that the fragment pins."""
    root, host = place.host(), restricted(place)
    one(root, "cp -p /usr/local/sbin/ntactl-host /tmp/.w; echo >>/usr/local/sbin/ntactl-host")
    try:
        outcome = ask(host)
        assert refusal(outcome)[0] == "no-sudo"
        with Fleet() as fleet:
            assert granted(fleet, [host], deadline=20) == {"h1": []}
    finally:
        assert one(root, "mv /tmp/.w /usr/local/sbin/ntactl-host").exit == 0
    assert refusal(ask(host))[0] != "no-sudo"


@pytest.mark.usefixtures("tidy")
def test_a_wrapper_for_other_hosts_says_to_install_it_anew(place: Sshd) -> None:
    host = restricted(place, engine="bind")
    rule, why = refusal(ask(host))
    assert (rule, "install it anew (ntactl fleet wrapper)" in why) == ("no-sudo", True)


def test_orders_do_what_programs_do(host: Hands) -> None:
    """On real daemons: on, on again, a new end, and out; the fixture compares every file."""
    path = host.lab.var(host.name) / "ntactl-host"
    bound = host.host.model_copy(update={"sudo": "restricted"})
    path.write_text(wrapper([bound]))

    def ordered(program: str) -> str:
        orders = f"now {int(now().timestamp())}\n{program}"
        return run([*enter(host.pid), "sh", "/var/ntactl-host", orders], host.lab.env).out

    def receipt(action: str, program: str) -> Receipt:
        got = parse_receipt(bound, action, ordered(program), now())
        assert got is not None
        return got

    order, later = nta(), nta(seconds=7200)
    reading = parse_reading(bound, ordered(read_program(bound)), now())
    assert reading.problems == ()
    counts = parse_counts(bound, Outcome(host.name, 0, ordered(count_program(bound)), "", "ok"))
    told = "no /var/cache/bind/named.stats" if host.host.engine == "bind" else ""
    assert counts.statistics.error.endswith(told)
    assert (counts.statistics.answers is None) == bool(told)
    wanted = change(bound, reading, [order])
    for said in ("and read back", "already, and read back"):
        applied = receipt("apply", apply_program(bound, wanted, generation()))
        assert (applied.outcome, applied.message) == ("applied", said)
    assert host.zones() == ["de."]
    assert receipt("renew", renew_program(bound, [later], generation())).outcome == "renewed"
    held = parse_reading(bound, ordered(read_program(bound)), now()).held
    assert [(one.zone, one.ends_at) for one in held] == [
        ("de.", later.ends_at.replace(microsecond=0))
    ]
    assert receipt("revert", revert_program(bound, [later], generation())).outcome == "reverted"
    assert host.zones() == []
    path.unlink()
