"""The host transaction on real Unbound, BIND and cron: whole, or as if it had never been."""

import signal
from pathlib import Path

import pytest
from by_hand import BY_HAND, ByHand
from hands import Hands, generation, nta
from harness import Lab

from orchestrator.rollout.transaction import read_program

# A stopped owner of the lock, and three seconds after he came.
STOPPED = """until read -r owner _ </var/lib/ntactl/lock/owner &&
    grep -q '^State:.T' "/proc/$owner/status"; do sleep 0.1; done 2>/dev/null; sleep 3"""


@pytest.fixture
def unbound(small: Lab) -> Hands:
    return Hands(small, "unbound1")


@pytest.mark.parametrize("shell", [("sh",), ("bash",), ("busybox", "sh")], ids=" ".join)
def test_apply_read_renew_and_revert_under_each_shell(host: Hands, shell: tuple[str, ...]) -> None:
    host = Hands(host.lab, host.name, shell)
    order = nta()
    wanted = host.change(order)
    applied = host.apply(wanted=wanted)
    assert (applied.outcome, applied.running) == ("applied", ("de.",))
    if wanted.path:
        there = host.lab.etc(host.name) / wanted.path.removeprefix("/etc/")
        assert there.read_text() == wanted.after
        assert f"{there.stat().st_mode & 0o777:o}" == "644"
    reading = host.read()
    assert [(n.zone, n.id) for n in reading.running] == [("de.", order.id)]
    assert [(n.id, n.state) for n in reading.held] == [(order.id, "applied")]
    assert reading.state_sha256 == applied.state_sha256
    longer = nta(seconds=7200)
    assert host.renew(longer).outcome == "renewed"
    assert host.read().held[0].ends_at == longer.ends_at.replace(microsecond=0)
    assert host.revert(longer).outcome == "reverted"
    assert host.zones() == []
    assert [n.state for n in host.read().held] == ["ended"]


def test_the_read_program_writes_nothing(host: Hands) -> None:
    tree = "find /etc /var /run /root /tmp -newer /tmp/mark -type f"  # the rest is read-only here
    quiet = "grep -vE '/(unbound.log|named.log|mark|root.key|managed-keys[^/]*)$' || true"
    host.sh("touch /tmp/mark; sleep 0.02")
    assert host.run(read_program(host.host)).code == 0
    assert host.sh(f"{tree} | {quiet}") == ""


def test_restart_and_reload_keep_it(host: Hands) -> None:
    order = nta()
    host.apply(order)
    for command in ("/etc/lab/service resolver restart", by_hand(host).reload):
        host.sh(command)
        host.sh("sleep 1")
        assert host.zones() == ["de."]
        assert host.read().problems == ()
    assert host.revert(order).outcome == "reverted"


def by_hand(host: Hands) -> ByHand:
    return BY_HAND[host.host.engine]


@pytest.mark.parametrize("first", [0, 1])
def test_two_zones_live_side_by_side_and_end_alone(host: Hands, first: int) -> None:
    orders = [nta("de."), nta("fj.", tag="00000001")]
    for order in orders:
        assert host.apply(order).outcome == "applied"
    assert host.zones() == ["de.", "fj."]
    gone, stays = orders[first], orders[1 - first]
    assert host.revert(gone).outcome == "reverted"
    assert host.zones() == [stays.zone]
    host.sh(by_hand(host).reload)
    assert host.zones() == [stays.zone]
    assert host.revert(stays).outcome == "reverted"


def test_two_zones_in_one_program(host: Hands) -> None:
    orders = (nta("de."), nta("fj."))
    wanted = host.change(*orders)
    assert host.apply(wanted=wanted).running == ("de.", "fj.")
    assert (host.read().dropin or None) == wanted.after
    assert host.revert(*orders).outcome == "reverted"


def test_a_second_apply_answers_from_what_stands(host: Hands) -> None:
    order = nta()
    wanted = host.change(order)
    host.apply(wanted=wanted)
    again = host.apply(wanted=wanted)
    assert (again.outcome, again.message) == ("applied", "already, and read back")
    host.revert(order)


def test_a_host_that_holds_it_never_refuses(host: Hands) -> None:
    order = nta()
    wanted = host.change(order)
    host.apply(wanted=wanted)
    host.service("resolver", "stop")
    receipt = host.apply(wanted=wanted)
    host.service("resolver", "start")
    host.sh("sleep 1")
    assert (receipt.outcome, receipt.rule) == ("stuck", "daemon-down")
    assert host.zones() == ["de."]
    older = host.apply(wanted=wanted, order=1)
    assert (older.outcome, older.rule) == ("stuck", "stale-generation")
    assert host.apply(wanted=wanted).outcome == "applied"
    host.revert(order)


def test_nor_does_one_where_the_first_program_is_still_at_it(host: Hands) -> None:
    order = nta()
    wanted = host.change(order)
    slow = host.apply_program(wanted).replace("\narm_all\n", "\nsleep 8\narm_all\n")
    process = host.start(slow)
    host.sh("while [ ! -s /var/lib/ntactl/lock/owner ]; do sleep 0.05; done")
    receipt = host.apply(wanted=wanted)
    process.communicate()
    assert (receipt.outcome, receipt.rule) == ("stuck", "host-locked")
    assert host.zones() == ["de."]
    host.revert(order)


def test_nor_one_that_holds_another_nta_of_the_plan(host: Hands) -> None:
    orders = (nta("de."), nta("fj."))
    host.apply(*orders)
    host.revert(orders[1])
    program = host.apply_program(host.change(*orders)).replace(
        "\nstep=flush\n", "\nstep=flush\nbecause 'the flush failed' || return 1\n"
    )
    done = host.run(program)
    assert '"outcome":"stuck"' in done.out
    assert "the flush failed; what this run began was taken back" in done.out
    assert host.zones() == ["de."]
    host.revert(*orders)


def test_a_renewal_that_is_refused_leaves_the_old_end(host: Hands) -> None:
    order = nta()
    host.apply(order)
    host.service("cron", "stop")
    receipt = host.renew(nta(seconds=7200))
    held = host.read().held[0]
    host.service("cron", "start")
    assert (receipt.outcome, receipt.rule) == ("undone", "guard-scheduler")
    assert held.ends_at == order.ends_at.replace(microsecond=0)
    host.revert(order)


def test_what_a_reload_lost_is_put_on_again(host: Hands) -> None:
    order = nta()
    wanted = host.change(order)
    host.apply(wanted=wanted)
    host.sh(by_hand(host).remove)
    assert host.zones() == []
    assert host.apply(wanted=wanted).running == ("de.",)
    host.revert(order)


def test_an_nta_may_return_after_its_revert(host: Hands) -> None:
    order = nta()
    host.apply(order)
    host.revert(order)
    assert host.apply(order).outcome == "applied"
    host.revert(order)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_takes_back_what_was_begun(host: Hands, sent: int) -> None:
    wanted = host.change(nta())
    name = signal.Signals(sent).name.removeprefix("SIG")
    program = host.apply_program(wanted).replace(
        "\nstep=flush\n", f"\nkill -{name} $$\nstep=flush\n"
    )
    done = host.run(program)
    assert '"outcome":"undone"' in done.out
    assert "stopped by a signal" in done.out
    assert host.zones() == []


def test_a_lost_connection_does_not_stop_it(host: Hands) -> None:
    order = nta()
    program = host.apply_program(host.change(order)).replace(
        "\nstep=flush\n", "\nkill -HUP $$\nkill -PIPE $$\nexec 3>&-\nstep=flush\n"
    )
    assert host.run(program).out == ""
    receipt = host.lab.var(host.name) / f"lib/ntactl/nta/{order.id}/receipt.json"
    assert '"outcome":"applied"' in receipt.read_text()
    assert host.apply(order).outcome == "applied"
    host.revert(order)


def test_a_failed_activation_is_undone(host: Hands) -> None:
    order = nta()
    program = host.apply_program(host.change(order)).replace(
        "\nstep=flush\n", "\nstep=flush\nbecause 'the flush failed' || return 1\n"
    )
    done = host.run(program)
    assert '"outcome":"undone"' in done.out
    assert "the flush failed; everything was taken back" in done.out
    assert done.code == 5
    assert order.id not in {held.id for held in host.read().held}


def test_an_undo_that_fails_leaves_the_guard_at_it(host: Hands) -> None:
    order = nta()
    program = host.apply_program(host.change(order)).replace(
        "\nstep=flush\n", "\nengine_remove() { because 'no way back'; }\nreturn 1\n"
    )
    done = host.run(program)
    assert '"outcome":"stuck"' in done.out
    assert done.code == 6
    assert (host.lab.etc(host.name) / f"cron.d/ntactl-{order.id}").exists()
    ends = (host.lab.var(host.name) / f"lib/ntactl/nta/{order.id}/ends_at").read_text()
    assert int(ends) <= order.ends_at.timestamp() - 3000
    host.sh(f"sh /var/lib/ntactl/nta/{order.id}/guard")
    assert host.zones() == []


def test_an_older_order_is_refused(host: Hands) -> None:
    order, early = nta(), generation()
    wanted = host.change(order)
    host.apply(wanted=wanted)
    host.revert(order)
    late = host.apply(wanted=wanted, order=early)
    assert (late.outcome, late.rule) == ("refused", "stale-generation")
    assert host.zones() == []


def test_an_order_from_a_clock_that_is_ahead_is_refused_and_forgotten(host: Hands) -> None:
    order, ahead = nta(), generation() + 86_400_000
    before = host.read().generation
    early = host.apply(order, order=ahead)
    assert (early.outcome, early.rule) == ("refused", "host-clock")
    assert host.read().generation == before
    assert host.apply(order).outcome == "applied"
    for receipt in (host.revert(order, order=ahead), host.renew(order, order=ahead)):
        assert receipt.rule == "host-clock"
        assert receipt.outcome != "refused"
        assert "set the one that is wrong" in receipt.message
    assert host.zones() == ["de."]
    assert host.revert(order).outcome == "reverted"


def test_a_refused_order_does_not_outdate_others(host: Hands) -> None:
    order, early = nta(), generation()
    assert host.apply(nta(seconds=-1)).rule == "ended"
    assert host.renew(order).rule == "not-held"
    assert host.apply(order, order=early).outcome == "applied"
    host.revert(order)


def test_a_host_that_moved_on_is_refused(host: Hands) -> None:
    wanted = host.change(nta())
    other = nta("fj.")
    host.apply(other)
    assert host.apply(wanted=wanted).rule == "drifted"
    assert host.zones() == ["fj."]
    host.revert(other)


def test_a_foreign_nta_is_left_alone(host: Hands) -> None:
    host.sh(by_hand(host).add)
    receipt = host.apply(nta())
    assert receipt.rule == "foreign-nta"
    assert [z.lower() for z in host.zones()] == ["de."]
    host.revert(nta())
    assert [z.lower() for z in host.zones()] == ["de."]
    host.sh(by_hand(host).remove)


def test_the_same_zone_under_two_ids_is_refused(host: Hands) -> None:
    order = nta()
    host.apply(order)
    assert host.apply(nta(tag="00000002")).rule == "already-held"
    host.revert(order)


def test_a_zone_with_an_anchor_of_its_own_is_refused(host: Hands) -> None:
    path, line = by_hand(host).anchor
    host.sh(f'[ ! -e {path} ] || cp -p {path} /tmp/kept; printf "{line}" >> {path}')
    running = host.host.engine in {"pdns", "knot"}  # these are asked, the others' files read
    host.sh(by_hand(host).reload if running else "true")
    receipt = host.apply(nta())
    host.sh(f"if [ -e /tmp/kept ]; then mv /tmp/kept {path}; else rm {path}; fi")
    host.sh(by_hand(host).reload if running else "true")
    assert receipt.rule == "explicit-anchor"


def test_a_file_of_that_name_by_others_is_not_touched(unbound: Hands) -> None:
    path = DROPIN
    unbound.sh(f"printf 'server:\\n  verbosity: 1\\n' > {path}")
    assert unbound.apply(nta()).rule == "foreign-dropin"
    assert unbound.sh(f"cat {path}") == "server:\n  verbosity: 1\n"
    unbound.sh(f"rm {path}")


def test_a_drop_in_that_nobody_includes_is_taken_back(unbound: Hands) -> None:
    conf = "/etc/unbound/unbound.conf"
    unbound.sh(f"cp -p {conf} /tmp/kept; cat /etc/unbound/unbound.conf.d/*.conf > {conf}")
    receipt = unbound.apply(nta())
    unbound.sh(f"mv /tmp/kept {conf}")
    assert receipt.outcome == "undone"
    assert "not among the files" in receipt.message
    assert unbound.zones() == []


@pytest.mark.parametrize("loaded", [True, False])
def test_an_nta_that_others_configured_meanwhile_is_theirs(host: Hands, loaded: bool) -> None:
    order, (path, make, mend) = nta(), by_hand(host).insecure
    host.apply(order)
    host.sh(f"{make}; {by_hand(host).reload if loaded else 'true'}")
    first, second = host.revert(order), host.revert(order)
    now, later = listed(host), f"{by_hand(host).reload}; sleep 1"
    host.sh(later)
    reloaded = listed(host)
    host.sh(f"{mend}; {later}")
    for receipt in (first, second):  # the second finds it ended, as if its guard had lifted it
        assert (receipt.outcome, receipt.rule) == ("reverted", "foreign-nta")
        told = "is insecure here" if "de" in now else "becomes insecure here with the next reload"
        assert f"de. {told} by other hands than ntactl's: {path}" in receipt.message
    # named keeps one entry for both, which is ours; the others cannot tell whose theirs is.
    assert ("de" in now) is (host.host.engine != "bind")
    assert "de" in reloaded


def listed(host: Hands) -> set[str]:
    """What the resolver lists, permanent ones too, as bare names."""
    if host.host.engine != "bind":
        return {zone.strip(".").lower() for zone in host.zones()}
    lines = host.sh("rndc nta -dump").split("\n")
    return {line.partition("/")[0].strip(".").lower() for line in lines if line}


def test_the_guard_leaves_what_others_configured(unbound: Hands) -> None:
    order, (_, make, mend) = nta(), by_hand(unbound).insecure
    unbound.apply(order)
    unbound.sh(f"{make}; unbound-control reload")
    unbound.sh(f"cd /var/lib/ntactl/nta/{order.id}; echo 1 > ends_at; sh guard")
    said, now = unbound.sh(f"cat /var/lib/ntactl/nta/{order.id}/guard.log"), listed(unbound)
    unbound.sh(f"{mend}; unbound-control reload; sleep 1")
    assert "de. stays insecure: others configured that" in said
    assert now == {"de"}
    assert not (unbound.lab.etc(unbound.name) / f"cron.d/ntactl-{order.id}").exists()


DROPIN = "/etc/unbound/unbound.conf.d/ntactl-nta.conf"
LAID_OUT_ANEW = {
    "blanks": r"sed -i 's/^ *domain-insecure: */\tdomain-insecure:\t/; s/ # nta/   #  nta/' ",
    "behind": "sed -i 's/# ntactl de-.*/& (kept by salt)  /' ",
    "quotes": 'sed -i "s/\\"/\'/g" ',
    "no-fragment": "rm -f /var/lib/ntactl/nta/*/fragment; : ",
}


@pytest.mark.parametrize("how", LAID_OUT_ANEW)
def test_our_line_laid_out_anew_is_ours(unbound: Hands, how: str) -> None:
    before, order = unbound.files(), nta()
    unbound.apply(order)
    unbound.sh(LAID_OUT_ANEW[how] + DROPIN)
    receipt = unbound.revert(order)
    assert (receipt.outcome, receipt.rule) == ("reverted", "")
    unbound.sh("unbound-control reload")
    assert (unbound.zones(), unbound.files()) == ([], before)


APART = {
    "moved": (rf"sed -i 's/^\( *domain-i.*\) \(# nta.*\)/\2\n\1/' {DROPIN}", DROPIN),
    "bare": (f"sed -i 's/ # ntactl de-.*//' {DROPIN}", DROPIN),
    "elsewhere": (
        f"cd {DROPIN.rpartition('/')[0]}; mv ntactl-nta.conf all.conf",
        f"{DROPIN.rpartition('/')[0]}/all.conf",
    ),
}


@pytest.mark.parametrize("how", APART)
def test_what_cannot_be_told_apart_stays_guarded(unbound: Hands, how: str) -> None:
    before, order, (command, path) = unbound.files(), nta(), APART[how]
    unbound.apply(order)
    unbound.sh(command)
    changed = unbound.sh(f"cat {path}")
    receipt = unbound.revert(order)
    assert (receipt.outcome, unbound.zones()) == ("stuck", [])
    assert path in receipt.message
    assert "the guard goes on trying every minute" in receipt.message
    guard = f"sh /var/lib/ntactl/nta/{order.id}/guard"
    unbound.sh(guard)
    assert unbound.sh(f"cat {path}") == changed
    assert (unbound.lab.etc(unbound.name) / f"cron.d/ntactl-{order.id}").exists()
    unbound.sh(f"sed -i '/domain-insecure/d' {path}; {guard}; rm -f {path}")
    unbound.sh("unbound-control reload")
    assert (unbound.zones(), unbound.files()) == ([], before)


def test_a_revert_says_that_the_host_is_as_it_was(host: Hands) -> None:
    other, order = nta("fj."), nta()
    host.apply(other)
    host.apply(order)
    assert host.revert(order).message.endswith("the host is as it was before, byte for byte")
    host.apply(order)
    assert host.revert(other).message == "taken out, and read back"
    host.revert(order)


def test_what_others_wrote_into_the_drop_in_stays(unbound: Hands) -> None:
    order = nta()
    unbound.apply(order)
    unbound.sh(f"printf '# a note\\n\\n' >> {DROPIN}")
    receipt = unbound.revert(order)
    left = unbound.sh(f"cat {DROPIN}; rm {DROPIN}")
    assert receipt.outcome == "reverted"
    assert receipt.message.endswith("so only ntactl's line was struck from it")
    assert left.endswith("server:\n# a note\n\n")


def test_an_empty_drop_in_comes_back_as_it_was(unbound: Hands) -> None:
    order = nta()
    unbound.apply(order)
    unbound.sh(f"grep -v domain-insecure {DROPIN} > /tmp/empty")
    unbound.revert(order)
    unbound.sh(f"mv /tmp/empty {DROPIN}")
    before = unbound.files()
    unbound.apply(order)
    assert unbound.revert(order).message.endswith("byte for byte")
    assert unbound.files() == before
    unbound.sh(f"rm {DROPIN}")


def test_a_broken_configuration_is_refused_before_anything(host: Hands) -> None:
    host.sh(f"echo 'nonsense {{' >> {by_hand(host).main}")
    wanted = host.change(nta())
    receipt = host.apply(wanted=wanted)
    host.sh(f"sed -i '$d' {by_hand(host).main}")
    if by_hand(host).checker:
        assert (receipt.outcome, receipt.rule) == ("refused", "broken-config")
    else:
        assert receipt.outcome == "applied"
        assert host.revert(nta()).outcome == "reverted"


def test_a_configuration_broken_meanwhile_does_not_stop_the_guard(host: Hands) -> None:
    order, broken = nta(), by_hand(host).main
    host.apply(order)
    host.sh(f"echo 'nonsense {{' >> {broken}")
    host.sh(f"echo 0 > /var/lib/ntactl/nta/{order.id}/ends_at")
    host.sh(f"sh /var/lib/ntactl/nta/{order.id}/guard")
    said = host.sh(f"cat /var/lib/ntactl/nta/{order.id}/guard.log")
    host.sh(f"sed -i '$d' {broken}")
    assert said == ""
    assert host.zones() == []


def test_two_guards_of_one_minute_do_not_get_in_each_others_way(host: Hands) -> None:
    orders = [nta("de."), nta("fj.")]
    host.apply(*orders)
    for order in orders:
        host.sh(f"echo 0 > /var/lib/ntactl/nta/{order.id}/ends_at")
    host.sh("for g in /var/lib/ntactl/nta/??-4f2a91c0/guard; do sh $g & done; wait")
    assert host.zones() == []


def test_a_stopped_daemon_is_refused(host: Hands) -> None:
    wanted = host.change(nta())
    host.service("resolver", "stop")
    receipt = host.apply(wanted=wanted)
    reading = host.read()
    host.service("resolver", "start")
    host.sh("sleep 1")
    assert receipt.rule == "daemon-down"
    assert [rule for rule, _ in reading.problems] == ["daemon-down"]


@pytest.mark.parametrize("how", ["stop", "freeze"])
def test_without_a_living_cron_nothing_is_touched(host: Hands, how: str) -> None:
    wanted = host.change(nta())
    if how == "stop":
        host.service("cron", "stop")
    else:
        host.sh("kill -STOP $(cat /run/crond.pid); sleep 0.1")
    receipt = host.apply(wanted=wanted)
    host.sh(
        "kill -CONT $(cat /run/crond.pid)" if how == "freeze" else "/etc/lab/service cron start"
    )
    assert receipt.rule == "guard-scheduler"
    assert host.zones() == []


def test_a_wrong_clock_is_refused(host: Hands) -> None:
    done = host.run(host.apply_program(host.change(nta())), skew=-90)
    assert '"rule":"host-clock"' in done.out
    assert host.read(skew=90).clock_offset == pytest.approx(-90, abs=2)


def test_an_end_in_the_past_is_refused(host: Hands) -> None:
    assert host.apply(nta(seconds=-1)).rule == "ended"


def test_a_full_disk_is_refused(host: Hands) -> None:
    wanted = host.change(nta())
    for fill in (0, 8, 16, 24, 40, 56, 88):
        # In a mount namespace of its own, the folder is a small file system, all but `fill` KiB.
        space = (
            "mkdir -p /var/lib/ntactl && mount -t tmpfs -o size=96k,mode=700 full /var/lib/ntactl"
            f" && head -c {(96 - fill) * 1024 - 4096} /dev/zero > /var/lib/ntactl/filler"
        )
        host.sh(f"{space} || true")
        receipt = host.apply(wanted=wanted)
        host.sh("umount /var/lib/ntactl")
        assert receipt.outcome in {"refused", "undone", "applied"}
        if receipt.outcome == "applied":
            break
        assert host.zones() == []
        assert receipt.rule == "disk-full" or receipt.outcome == "undone"
    else:
        pytest.fail("never enough room")
    # The folder of the one that went on is gone with its file system: take it out by hand.
    host.sh(f"rm -f /etc/cron.d/ntactl-* {wanted.path}")
    host.sh(by_hand(host).remove)


def test_a_full_disk_does_not_stop_the_guard(host: Hands) -> None:
    order = nta()
    host.sh("mkdir -p /var/lib/ntactl; mount -t tmpfs -o size=256k,mode=700 full /var/lib/ntactl")
    host.apply(order)
    host.sh(f"echo 1 > /var/lib/ntactl/nta/{order.id}/ends_at")
    host.sh("cat /dev/zero > /var/lib/ntactl/filler 2>/dev/null || true")
    host.sh(f"sh /var/lib/ntactl/nta/{order.id}/guard")
    assert host.zones() == []
    host.sh("umount /var/lib/ntactl")


def test_a_full_disk_does_not_stop_a_revert(host: Hands) -> None:
    order = nta()
    host.sh("mkdir -p /var/lib/ntactl; mount -t tmpfs -o size=256k,mode=700 full /var/lib/ntactl")
    host.apply(order)
    host.sh("cat /dev/zero > /var/lib/ntactl/filler 2>/dev/null || true")
    receipts = [host.revert(order), host.revert(order)]
    assert host.zones() == []
    assert not (host.lab.etc(host.name) / f"cron.d/ntactl-{order.id}").exists()
    host.sh("umount /var/lib/ntactl")
    assert [receipt.outcome for receipt in receipts] == ["reverted", "reverted"]


def test_a_receipt_that_finds_no_room_is_sent(host: Hands) -> None:
    order = nta()
    host.apply(order)
    host.sh(f"mkdir /var/lib/ntactl/nta/{order.id}/receipt.json.new")
    assert host.revert(order).outcome == "reverted"
    assert [held.state for held in host.read().held if held.id == order.id] == ["ended"]
    host.sh(f"rmdir /var/lib/ntactl/nta/{order.id}/receipt.json.new")


PROSPECTS = {
    "the guard goes on trying every minute": "",
    "the guard lifts it at its end": "mkdir /var/lib/ntactl/nta/de-4f2a91c0/ends_at.new",
    "no guard is at work here": "/etc/lab/service cron stop",
}


@pytest.mark.parametrize("said", PROSPECTS)
def test_what_is_said_of_the_guard_is_true(host: Hands, said: str) -> None:
    order = nta()
    host.apply(order)
    host.sh(PROSPECTS[said] or "true")
    host.service("resolver", "stop")
    receipt = host.revert(order)
    host.service("resolver", "start")
    host.sh("pgrep cron || /etc/lab/service cron start")
    host.sh(f"rm -rf /var/lib/ntactl/nta/{order.id}/ends_at.new; sleep 1")
    assert receipt.outcome == "stuck"
    assert said in receipt.message
    assert host.revert(order).outcome == "reverted"


def test_one_at_a_time_and_a_dead_owner_holds_nothing(host: Hands) -> None:
    wanted = host.change(nta())
    slow = host.apply_program(wanted).replace("\nstep=flush\n", "\nsleep 9\nstep=flush\n")
    process = host.start(slow)
    host.sh("while [ ! -s /var/lib/ntactl/lock/owner ]; do sleep 0.05; done")
    other = host.apply(nta("fj."))
    assert (other.outcome, other.rule) == ("refused", "host-locked")
    out, _ = process.communicate()
    assert b'"outcome":"applied"' in out
    host.sh("mkdir /var/lib/ntactl/lock; echo 999999 1 x > /var/lib/ntactl/lock/owner")
    assert host.revert(nta()).outcome == "reverted"
    host.sh("mkdir /var/lib/ntactl/lock")
    assert host.revert(nta()).outcome == "reverted"


def test_an_owner_who_hangs_for_good_is_made_an_end_of(host: Hands) -> None:
    """Stopped in the middle of its work it can neither go on nor undo; the guard would wait."""
    order = nta()
    wanted = host.change(order)
    hangs = host.apply_program(wanted).replace("\nstep=flush\n", "\nkill -STOP $$\nstep=flush\n")
    process = host.start(hangs)
    host.sh(STOPPED)
    waiting = host.revert(order)
    assert (waiting.outcome, waiting.rule) == ("stuck", "host-locked")
    assert process.poll() is None
    program = host.revert_program(order)
    assert "\nlock_seconds=300 #" in program
    done = host.run(program.replace("\nlock_seconds=300 #", "\nlock_seconds=1 #"))
    assert '"outcome":"reverted"' in done.out
    process.send_signal(signal.SIGCONT)  # nsenter had stopped along with what it runs
    assert process.wait(10) == -signal.SIGKILL


def test_without_root_it_says_what_is_missing(unbound: Hands) -> None:
    program = f"controller_now=0\n{read_program(unbound.host)}"
    path = Path(unbound.lab.folder) / "hosts/unbound1/var/tmp/program"
    path.write_text(program)
    path.chmod(0o644)
    said = unbound.sh("setpriv --reuid 1000 --regid 100 --clear-groups sh /var/tmp/program")
    path.unlink()
    assert "problem no-sudo ops is not root here" in said
