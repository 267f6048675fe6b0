"""The guard under a real systemd: it comes at the end, whatever was switched off in between."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from booted import Booted, booted
from hands import generation, now, nta
from harness import a_lab, enter, run, wait_until

from orchestrator.model import Receipt
from orchestrator.rollout.answer import parse_receipt
from orchestrator.rollout.shell import cron_entry
from orchestrator.rollout.transaction import NtaOrder, apply_program
from orchestrator.rollout.wrapper import wrapper

UNITS = "/etc/systemd/system"
ID = nta().id
FOLDER = f"/var/lib/ntactl/nta/{ID}"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    with a_lab(tmp_path_factory.mktemp("lab"), "unbound=1") as lab, booted(lab, "unbound1") as host:
        yield host


@pytest.fixture
def host(machine: Booted) -> Iterator[Booted]:
    """The host under systemd, which a test must leave as it found it: files, NTAs and units."""
    before = machine.files()
    yield machine
    assert machine.zones() == []
    assert machine.files() == before
    # At a full minute the guard may have been woken just before its timer went.
    units = "systemctl list-units --all --no-legend 'ntactl-*'"
    wait_until(lambda: machine.sh(units) == "", 5, "no unit of ntactl to be left", every=0.1)
    assert machine.sh("[ ! -d /var/lib/systemd ] || find /var/lib/systemd -type f") == ""
    assert machine.read().problems == ()


@contextmanager
def overridden(host: Booted, unit: str, text: str) -> Iterator[None]:
    """A unit with a drop-in of somebody else's, not yet read by systemd."""
    host.sh(f"mkdir {UNITS}/{unit}.d; printf '{text}' >{UNITS}/{unit}.d/test.conf")
    yield
    host.sh(f"rm -r {UNITS}/{unit}.d; systemctl daemon-reload")


def disarmed(host: Booted) -> bool:
    """Is it over, as the guard says, and its timer gone?"""
    ended = [held.state for held in host.read().held] == ["ended"]
    return ended and not (host.lab.etc(host.name) / f"systemd/system/ntactl-{ID}.service").exists()


def waits(host: Booted) -> bool:
    facts = {"ActiveState": "active", "SubState": "waiting", "UnitFileState": "enabled"}
    return {fact: host.timer(ID, fact) for fact in facts} == facts


def test_armed_before_the_nta_every_minute_and_disarmed_with_it(host: Booted) -> None:
    assert host.apply(nta()).outcome == "applied"
    assert host.read().scheduler == "systemd"
    assert waits(host)
    assert host.timer(ID, "Persistent") == "yes"
    due = host.sh(f"date +%s -d '{host.timer(ID, 'NextElapseUSecRealtime')}'")
    assert int(due) - time.time() <= 61
    assert host.sh("ls /etc/cron.d") == ""
    assert host.revert(nta()).message.endswith("byte for byte")


def test_it_lifts_at_the_end_with_no_orchestrator(host: Booted) -> None:
    """Armed by the wrapper of least privilege, which does the same."""
    order = nta(seconds=20)
    assert ordered(host, order).outcome == "applied"
    wait_until(lambda: disarmed(host), 45, "the guard", every=0.1)
    assert host.zones() == []
    assert -1 < time.time() - order.ends_at.timestamp() < 5


def ordered(host: Booted, order: NtaOrder) -> Receipt:
    limited = host.host.model_copy(update={"sudo": "restricted"})
    (host.lab.var(host.name) / "tmp/ntactl-host").write_text(wrapper([limited]))
    program = apply_program(limited, host.change(order), generation())
    orders = f"now {int(time.time())}\n{program}"
    done = run([*enter(host.pid), "sh", "/var/tmp/ntactl-host", orders], host.lab.env)
    receipt = parse_receipt(limited, "apply", done.out, now())
    assert receipt is not None, done.err
    return receipt


@pytest.mark.parametrize(
    "without",
    ["/OnCalendar/d; s/=65/=1/", "/OnActive/d; /OnUnit/d; s/=minutely/=*:*:*/"],
    ids=["since-the-last-run", "by-the-calendar"],
)
def test_either_clock_alone_wakes_it_again(host: Booted, without: str) -> None:
    """Quicker, as a minute is long. A clock that was set back leaves the calendar waiting."""
    assert host.apply(nta()).outcome == "applied"
    host.sh(f"sed -i '{without}' {UNITS}/ntactl-{ID}.timer; systemctl daemon-reload")
    host.sh(f"systemctl restart ntactl-{ID}.timer; sleep 1; echo 1 >{FOLDER}/ends_at")
    wait_until(lambda: disarmed(host), 15, "the guard to be woken", every=0.1)


def test_a_reboot_keeps_it_armed_and_an_end_that_passed_meanwhile_means_now(host: Booted) -> None:
    assert host.apply(nta()).outcome == "applied"
    host.pull_the_plug()
    host.boot()
    wait_until(lambda: waits(host), 5, "the timer to be back", every=0.1)
    assert host.zones() == ["de."]
    host.pull_the_plug()
    (host.lab.var(host.name) / FOLDER.removeprefix("/var/") / "ends_at").write_text("1\n")
    host.boot()
    wait_until(lambda: disarmed(host), 20, "the guard after the boot", every=0.1)


def test_a_renewal_keeps_the_timer_going_and_the_old_end_lifts_nothing(host: Booted) -> None:
    order = nta(seconds=20)
    host.apply(order)
    armed = host.timer(ID, "ActiveEnterTimestampMonotonic")
    assert host.renew(nta()).outcome == "renewed"
    assert host.timer(ID, "ActiveEnterTimestampMonotonic") == armed
    wait_until(lambda: waits(host), 45, "the guard that slept until the old end", every=0.1)
    assert time.time() >= int(order.ends_at.timestamp())
    assert host.zones() == ["de."]
    host.revert(nta())


def by_cron(host: Booted) -> None:
    """The NTA as an ntactl that knew only cron has left it."""
    host.sh(f"systemctl stop ntactl-{ID}.timer; rm -r {UNITS}/*; systemctl daemon-reload")
    host.sh(f"rm -f /var/lib/systemd/timers/*; sed -i 's/unschedule_timer/:/' {FOLDER}/guard")
    (host.lab.etc(host.name) / f"cron.d/ntactl-{ID}").write_text(cron_entry(host.host, ID, "de."))


def test_one_armed_with_cron_moves_to_systemd_when_renewed(host: Booted) -> None:
    host.apply(nta())
    by_cron(host)
    assert host.renew(nta()).outcome == "renewed"
    assert waits(host)
    assert host.sh("ls /etc/cron.d") == ""
    host.sh(f"echo 1 >{FOLDER}/ends_at; systemctl start ntactl-{ID}.service")
    assert disarmed(host)


def test_one_armed_with_cron_is_disarmed_when_it_is_taken_out(host: Booted) -> None:
    host.apply(nta())
    by_cron(host)
    assert host.revert(nta()).outcome == "reverted"


def test_a_revert_killed_once_the_nta_was_gone_is_finished_by_the_next(host: Booted) -> None:
    host.apply(nta())
    host.sh(f"cd {FOLDER}; mv ends_at ended; unbound-control insecure_remove de.")
    host.sh("rm /etc/unbound/unbound.conf.d/ntactl-nta.conf")
    assert host.revert(nta()).outcome == "reverted"


@pytest.mark.parametrize(
    ("hurt", "mend"),
    [
        ("systemctl stop timers.target", "systemctl start timers.target"),
        (f"mount --bind -o ro {UNITS} {UNITS}", f"umount {UNITS}"),
    ],
    ids=["no-timers", "read-only"],
)
def test_without_timers_nothing_is_touched(host: Booted, hurt: str, mend: str) -> None:
    wanted = host.change(nta())
    host.sh(hurt)
    problems, receipt = host.read().problems, host.apply(wanted=wanted)
    host.sh(mend)
    assert [rule for rule, _ in problems] == ["guard-scheduler"]
    assert (receipt.outcome, receipt.rule) == ("refused", "guard-scheduler")


def test_a_guard_that_systemd_cannot_run_is_refused_before_the_nta(host: Booted) -> None:
    never = "[Service]\nExecStart=\nExecStart=/bin/false\n"
    with overridden(host, f"ntactl-{ID}.service", never):
        receipt = host.apply(nta())
    assert (receipt.outcome, receipt.rule, receipt.step) == ("refused", "guard-scheduler", "arm")
