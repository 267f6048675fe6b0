"""Rollbacks that lied, each a test: what tools with a confirmed commit got wrong in the wild.

Some are held elsewhere, where what they need is at hand:

- It was rolled back, and the exit code was 0: test_budget, one_host_over_the_budget_takes_
  everything_back (exit 5); a host's own program: test_transaction, a_failed_activation_is_undone.
- "Success", and then a rollback that nobody was told of: test_watch, a_lost_nta_comes_back_
  within_a_cycle (`status` says who lost it, and the watcher that it puts it on again).
- What was rolled back depended on what the session had left: here, and with the controller killed
  and its machine gone: test_guard, every_host_is_clean_by_itself.
- The deadline was past already, and a timer of 0 means never: here, and test_transaction,
  an_end_in_the_past_is_refused; test_guard, a_renewed_guard_waits_for_the_new_end_and_a_late_one_
  means_now.
- The old was deleted before its copy was there: here, and test_transaction,
  a_full_disk_is_refused, for ntactl's own folder.
- No answer was taken for a failure: here, and test_transaction, a_lost_connection_does_not_stop_it;
  test_ssh, a_connection_lost_on_the_way_is_not_a_failure; unit/test_send.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hands import Hands, nta
from harness import Lab

NTAS = "/var/lib/ntactl/nta"
CONF_D = "/etc/unbound/unbound.conf.d"
DROPIN = f"{CONF_D}/ntactl-nta.conf"


@pytest.fixture
def unbound(small: Lab) -> Iterator[Hands]:
    """A host with the drop-in of another NTA, which a test must leave as it was."""
    hands, other = Hands(small, "unbound1"), nta("fj.")
    hands.apply(other)
    yield hands
    hands.revert(other)
    assert hands.zones() == []


def guard_entry(host: Hands, nta_id: str) -> Path:
    return host.lab.etc(host.name) / f"cron.d/ntactl-{nta_id}"


def test_a_change_that_failed_leaves_no_rollback_armed(host: Hands) -> None:
    """A commit failed, its rollback stayed armed, and undid a later commit that was good."""
    order = nta()
    program = host.apply_program(host.change(order))
    failing = "\nstep=verify\nbecause 'not read back' || return 1\n"
    assert '"outcome":"undone"' in host.run(program.replace("\nstep=verify\n", failing)).out
    assert not guard_entry(host, order.id).exists()
    later = nta(tag="00000002")
    host.apply(later)
    host.sh(f"for guard in {NTAS}/{order.id}/guard; do [ ! -e $guard ] || sh $guard; done")
    assert host.zones() == ["de."]
    host.revert(later)


def test_a_revert_is_not_done_while_its_guard_is_armed(host: Hands) -> None:
    """The rollback was armed for ever after; here its entry could not be removed at first."""
    order, cron_d = nta(), "/etc/cron.d"
    host.apply(order)
    host.sh(f"mount --bind {cron_d} {cron_d} && mount -o remount,bind,ro {cron_d}")
    first, second = host.revert(order), host.revert(order)
    host.sh(f"umount {cron_d}")
    armed = guard_entry(host, order.id).exists()
    third = host.revert(order)
    assert [first.outcome, second.outcome, third.outcome] == ["stuck", "stuck", "reverted"]
    assert f"{cron_d}/ntactl-{order.id} could not be disarmed" in second.message
    assert armed
    assert not guard_entry(host, order.id).exists()


# None: the file is gone. The last is one that a shell cannot count with.
DAMAGED = ("", "soon", "0899999999", "9" * 30, "17 98320123", None)


def test_a_damaged_deadline_means_now(host: Hands) -> None:
    """The deadline came out as 0, or as nothing, and so the timer was off for ever."""
    orders = [nta(f"x{number}.") for number, _ in enumerate(DAMAGED)]
    host.apply(*orders)
    host.service("cron", "stop")
    for order, text in zip(orders, DAMAGED, strict=True):
        end = f"{NTAS}/{order.id}/ends_at"
        host.sh(f"rm {end}" if text is None else f"printf '%s' '{text}' >{end}")
    held = [held for held in host.read().held if held.id in {order.id for order in orders}]
    guards = " ".join(f"{NTAS}/{order.id}/guard" for order in orders)
    host.sh(f"for guard in {guards}; do sh $guard; done")
    host.service("cron", "start")
    assert [(h.state, h.damaged) for h in held] == [("applied", True)] * len(DAMAGED)
    assert host.zones() == []
    assert not any(guard_entry(host, order.id).exists() for order in orders)


def test_a_revert_needs_nothing_of_the_session_that_applied(host: Hands) -> None:
    """The rollback read what the session of the commit had left, which was gone by then."""
    order = nta()
    host.apply(order)
    host.sh(f"cd /var/lib/ntactl; rm -rf nta/{order.id}/snapshot nta/{order.id}/receipt.json")
    host.sh("rm -f /var/lib/ntactl/control.conf /var/lib/ntactl/generation; rm -rf /tmp/*")
    assert host.revert(order).outcome == "reverted"
    assert host.zones() == []


def test_a_file_keeps_its_owner_and_mode(unbound: Hands) -> None:
    """The rollback wrote files anew, and the daemon could not read them any more."""
    order, ours = nta(), f"stat -c '%a %u:%g' {DROPIN}; cat {DROPIN}"
    unbound.sh(f"chown 1000:100 {DROPIN}; chmod 604 {DROPIN}")
    before = unbound.sh(ours)
    unbound.apply(order)
    while_on = unbound.sh(ours)
    receipt = unbound.revert(order)
    after = unbound.sh(f"{ours}; unbound-control reload >/dev/null")
    zones = unbound.zones()
    unbound.sh(f"chown 0:0 {DROPIN}; chmod 644 {DROPIN}")
    assert before.startswith("604 1000:100\n")
    assert while_on.startswith("604 1000:100\n")
    assert (receipt.outcome, after, zones) == ("reverted", before, ["fj."])


MITIGATE = ("mitigate", "de.", "--reason", "a test", "--yes")
SAVED = "/var/tmp/saved.conf"
COMES_BACK = {
    "unbound1": f"cp -p {SAVED} {DROPIN} && unbound-control reload",
    "bind1": "rndc nta -force -lifetime 3600 de",
}


def test_what_another_agent_brought_back_is_told_and_taken_out_once_more(small_broken: Lab) -> None:
    """A tool that wrote the configuration anew undid the rollback, and nobody was told."""
    small_broken.ok(*MITIGATE)
    small_broken.on_host("unbound1", f"cp -p {DROPIN} {SAVED}")
    small_broken.ok("revert", "de.", "--yes")
    for name, command in COMES_BACK.items():
        assert small_broken.on_host(name, command).code == 0
    told = small_broken.ok("status", "--json").json
    assert told["ntas"][-1]["state"] == "ended"
    seen = {host["host"]: host["now"] for host in told["ntas"][-1]["hosts"]}
    assert seen == dict.fromkeys(COMES_BACK, "came back")
    assert told["foreign"] == []
    done = small_broken.ok("revert", "de.", "--yes", "--json").json
    states = {host["host"]: host["state"] for host in done["hosts"]}
    assert states == dict.fromkeys(COMES_BACK, "reverted")
    small_broken.on_host("unbound1", f"rm {SAVED}")


def test_out_once_more_is_guarded_too(host: Hands) -> None:
    """The second rollback failed as the first had not, and nothing went on with it."""
    order = nta()
    host.apply(order)
    host.revert(order)
    unbound = host.host.engine == "unbound"
    host.sh("unbound-control insecure_add de" if unbound else "rndc nta -lifetime 3600 de")
    assert host.revert(order).rule == "foreign-nta"  # as retries and the watcher send it
    assert host.zones() == ["de."]
    program = host.revert_program(order, once_more=True)
    failing = "\nengine_remove() { because 'no way out'; }\nstep=revert\n"
    stuck = host.run(program.replace("\nstep=revert\n", failing))
    assert '"outcome":"stuck"' in stuck.out
    assert "the guard goes on trying every minute" in stuck.out
    host.sh(f"sh {NTAS}/{order.id}/guard")
    assert host.zones() == []


@pytest.mark.parametrize("action", ["apply", "revert"])
def test_nothing_is_deleted_before_its_copy_is_there(unbound: Hands, action: str) -> None:
    """The disk was full: the old file had been deleted, and the new one could not be written."""
    order = nta()
    wanted = unbound.change(order)
    if action == "revert":
        unbound.apply(order)
    before = unbound.sh(f"cat {DROPIN}")
    full = f"mount -t tmpfs -o size=64k d {CONF_D}; cp -a /var/tmp/d/. {CONF_D}"
    filler = f"cat /dev/zero >{CONF_D}/filler 2>/dev/null || true"
    unbound.sh(f"cp -a {CONF_D} /var/tmp/d; {full}; {filler}")
    receipt = unbound.apply(wanted=wanted) if action == "apply" else unbound.revert(order)
    there = unbound.sh(f"cat {DROPIN}")
    unbound.sh(f"umount {CONF_D}; rm -rf /var/tmp/d")
    assert there == before
    assert receipt.outcome == ("undone" if action == "apply" else "stuck")
    assert f"cannot write in {CONF_D}; " in receipt.message
    unbound.sh(f"[ ! -e {NTAS}/{order.id}/guard ] || sh {NTAS}/{order.id}/guard")
    assert unbound.zones() == ["fj."]


def test_a_second_revert_steps_no_further_back(host: Hands) -> None:
    """Rolling back twice went one release too far, and took away what a newer change had put on."""
    old, new, other = nta(), nta(tag="00000002"), nta("fj.")
    host.apply(old)
    host.revert(old)
    host.apply(new, other)
    files, state = host.files(), host.read().state_sha256
    for receipt in (host.revert(old), host.revert(old, once_more=True)):
        assert receipt.outcome == "reverted"
        assert (host.files(), host.read().state_sha256) == (files, state)
    host.revert(new, other)


# The daemon's control tool by the way kills, once, the session over which it was called.
CUTTING = """#!/bin/sh
case " $* " in
*" insecure_add "*) [ -e /var/tmp/cut ] || { : >/var/tmp/cut; pkill -9 -f "^sshd: root"; } ;;
esac
exec /var/tmp/real "$@"
"""
CUT = f"""
cp /usr/sbin/unbound-control /var/tmp/real && echo '{CUTTING}' >/var/tmp/cutting &&
chmod 755 /var/tmp/cutting && mount --bind /var/tmp/cutting /usr/sbin/unbound-control
"""


def test_no_answer_is_no_failure(small_broken: Lab, tmp_path: Path) -> None:
    """The connection broke on the way, the change was called failed, and it stood."""
    assert small_broken.on_host("unbound1", CUT).code == 0
    done = small_broken.ntactl(*MITIGATE, "--events", str(tmp_path / "events"))
    cut = small_broken.on_host("unbound1", "ls /var/tmp/cut").code
    small_broken.on_host(
        "unbound1", "umount /usr/sbin/unbound-control; rm /var/tmp/real /var/tmp/cut*"
    )
    assert cut == 0
    assert (done.code, "all on" in done.out) == (0, True), done
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    kinds = [event["kind"] for event in events if event["host"] == "unbound1"]
    assert kinds == ["host-sent", "host-failed", "host-sent", "host-done"]
    assert set(map(tuple, small_broken.all_ntas().values())) == {("de.",)}
    small_broken.ok("revert", "de.", "--yes")
