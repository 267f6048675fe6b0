"""The main path on each engine: on, through restart and reload, lost and back, out by itself."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import steady
from by_hand import BY_HAND, KNOT_6
from hands import Hands, left_as_found, nta
from harness import Lab, a_lab, wait_until

from orchestrator.fleet.inventory import Paths

_RESTART = "/etc/lab/service resolver restart"
ENGINES = ("unbound", "bind", "pdns", "knot")


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One host of each, and de. is broken the way it was on 5 May 2026."""
    with a_lab(tmp_path_factory.mktemp("four"), ",".join(f"{e}=1" for e in ENGINES)) as lab:
        lab.lab("break", "de.", "--as", "de-2026", "--phase", "2")
        yield lab


@pytest.fixture(params=ENGINES)
def host(four: Lab, request: pytest.FixtureRequest) -> Iterator[Hands]:
    """One host, which a test must leave as it found it."""
    with left_as_found(four, f"{request.param}1") as hands:
        yield hands
        assert hands.zones() == []


def answers(host: Hands, fresh: str) -> set[tuple[str, str | None, bool]]:
    """What this host's clients get, also for a name that nobody asked for yet."""
    names = ("de.", "www.amazon.de.", f"{fresh}.heise.de.", "org.", "bogus.")
    return {
        (name.removeprefix(f"{fresh}."), rcode, ad)
        for (where, name), (rcode, ad) in host.lab.views(*names).items()
        if where == host.name
    }


UNDER_NTA = {
    *((name, "NOERROR", False) for name in ("de.", "www.amazon.de.", "heise.de.")),
    ("org.", "NOERROR", True),
    ("bogus.", "SERVFAIL", False),
}


def test_it_relieves_and_holds_through_restart_and_reload(host: Hands) -> None:
    assert ("heise.de.", "SERVFAIL", False) in answers(host, "a")
    order = nta()
    assert host.apply(order).outcome == "applied"
    assert answers(host, "b") == UNDER_NTA
    host.service("resolver", "restart")
    wait_until(lambda: host.zones() == ["de."], 5, "the resolver")
    assert answers(host, "c") == UNDER_NTA
    host.sh(BY_HAND[host.host.engine].reload)
    wait_until(lambda: host.zones() == ["de."], 5, "the resolver")
    assert answers(host, "d") == UNDER_NTA
    receipt = host.revert(order)
    assert (receipt.outcome, receipt.rule) == ("reverted", "")
    after = answers(host, "e")
    assert {("heise.de.", "SERVFAIL", False), ("org.", "NOERROR", True)} <= after


@pytest.mark.parametrize("how", ["reload", "restart"])
def test_not_one_question_fails_once_the_daemon_answers_again(host: Hands, how: str) -> None:
    """What was in flight when the daemon went may get no answer; none that is given is SERVFAIL."""
    order = nta()
    assert host.apply(order).outcome == "applied"
    address = host.lab.host(host.name)["address"]
    slow = KNOT_6 and how == "restart"  # its manager takes its time
    client = [sys.executable, str(Path(steady.__file__)), address, "12" if slow else "4"]
    with ThreadPoolExecutor(1) as beside:
        asking = beside.submit(host.lab.inside, *client)
        time.sleep(1)
        host.sh(BY_HAND[host.host.engine].reload if how == "reload" else _RESTART)
        rcodes = asking.result().out.split()
    assert set(rcodes) <= {"NOERROR", "-"}, rcodes
    assert rcodes[-5:] == ["NOERROR"] * 5
    assert len(rcodes) > 8
    assert host.revert(order).outcome == "reverted"


def test_named_drops_one_while_the_zone_is_broken_and_keeps_ours(four: Lab) -> None:
    """Its recheck asks for one record that is sound in this outage, and believes all is well."""
    host, order, options = Hands(four, "bind1"), nta(), "/etc/bind/named.conf.options"
    host.sh(f"sed -i.kept 's/^options {{/&\\n    nta-recheck 2s;/' {options} && rndc reconfig")
    host.sh("rndc nta -lifetime 600 de")
    wait_until(lambda: host.zones() == [], 10, "named's recheck to drop its own")
    host.sh("rndc nta -remove de")
    assert ("heise.de.", "SERVFAIL", False) in answers(host, "early")
    assert host.apply(order).outcome == "applied"
    time.sleep(8)  # four rechecks
    assert host.zones() == ["de."]
    assert answers(host, "late") == UNDER_NTA
    assert host.revert(order).outcome == "reverted"
    host.sh(f"mv {options}.kept {options} && rndc reconfig")


def test_one_that_others_took_out_is_seen_and_put_back(host: Hands) -> None:
    order = nta()
    wanted = host.change(order)
    host.apply(wanted=wanted)
    host.sh(BY_HAND[host.host.engine].remove)
    assert [running for running in host.read().running if running.id] == []
    assert host.apply(wanted=wanted).running == ("de.",)
    assert host.revert(order).outcome == "reverted"


@pytest.mark.parametrize("name", ["pdns", "knot"])
def test_where_no_file_of_ours_is_read_a_restart_is_seen_and_made_good(
    four: Lab, name: str
) -> None:
    """The inventory names no drop-in: the daemon alone holds it, and `watch` puts it on again."""
    host = Hands(four, f"{name}1")
    host.host = host.host.model_copy(update={"paths": Paths()})
    order = nta()
    wanted = host.change(order)
    assert (wanted.path, host.apply(wanted=wanted).outcome) == ("", "applied")
    host.service("resolver", "restart")
    wait_until(lambda: not host.read().problems, 5, "the resolver")
    assert host.zones() == []
    assert host.apply(wanted=wanted).outcome == "applied"
    assert host.zones() == ["de."]
    assert host.revert(order).outcome == "reverted"


def test_guards_lift_it_at_the_end_with_nobody_there(four: Lab) -> None:
    hosts = [Hands(four, f"{engine}1") for engine in ENGINES]
    before = [host.files() for host in hosts]
    for host in hosts:
        assert host.apply(nta(seconds=25)).outcome == "applied"
    wait_until(lambda: not any(map(Hands.zones, hosts)), 90, "the guards")
    wait_until(lambda: [host.files() for host in hosts] == before, 10, "nothing to be left")


def test_a_foreign_one_is_left_alone(host: Hands) -> None:
    host.sh(BY_HAND[host.host.engine].add)
    assert host.apply(nta()).rule == "foreign-nta"
    host.revert(nta())
    assert [zone.lower() for zone in host.zones()] == ["de."]
    host.sh(BY_HAND[host.host.engine].remove)


def test_a_foreign_one_is_taken_over_where_that_is_the_order(host: Hands) -> None:
    host.sh(BY_HAND[host.host.engine].add)
    order = nta()
    receipt = host.apply(wanted=host.change(order, adopt=True))
    assert (receipt.outcome, receipt.running) == ("applied", ("de.",))
    assert [running.id for running in host.read().running] == [order.id]
    assert host.revert(order).outcome == "reverted"
    assert host.zones() == []


def test_one_that_was_taken_over_is_given_back_when_all_is_taken_back(host: Hands) -> None:
    host.sh(BY_HAND[host.host.engine].add)
    before, order = host.files(), nta()
    assert host.apply(wanted=host.change(order, adopt=True)).outcome == "applied"
    receipt = host.give_back(order)
    assert (receipt.outcome, receipt.rule) == ("reverted", "foreign-nta")
    assert [zone.lower() for zone in host.zones()] == ["de."]
    assert [running.id for running in host.read().running] == [None]
    assert host.files() == before
    host.sh(BY_HAND[host.host.engine].remove)


def test_one_that_a_file_of_others_keeps_is_not_taken_over(host: Hands) -> None:
    _, write, strike = BY_HAND[host.host.engine].insecure
    host.sh(write)
    host.service("resolver", "restart")
    wait_until(lambda: "de." in {one.zone for one in host.read().running}, 5, "the resolver")
    wanted = host.change(nta(), adopt=True)
    assert host.apply(wanted=wanted).rule == "foreign-nta"
    host.sh(strike)
    host.service("resolver", "restart")
    wait_until(lambda: not host.read().problems, 5, "the resolver")
    assert host.read().running == ()


def test_a_takeover_that_fails_leaves_theirs(four: Lab) -> None:
    """The Lua does not read our file, so it could not be kept over a restart: all is undone."""
    host, lua = Hands(four, "pdns1"), "/etc/powerdns/recursor.lua"
    before = host.files()
    host.sh(f"sed -i.kept '/ntactl-nta/d' {lua}")
    host.sh(BY_HAND["pdns"].add)
    receipt = host.apply(wanted=host.change(nta(), adopt=True))
    assert receipt.outcome == "undone"
    assert [zone.lower() for zone in host.zones()] == ["de."]
    assert [running.id for running in host.read().running] == [None]
    host.sh(BY_HAND["pdns"].remove)
    host.sh(f"mv {lua}.kept {lua}")
    assert host.files() == before


@pytest.mark.parametrize("which", [0, 1])
def test_an_instance_of_kresd_that_lost_it_is_seen_and_put_right(four: Lab, which: int) -> None:
    """Each process has a list of its own: one that was restarted alone, without our file."""
    host, order = Hands(four, "knot1"), nta()
    wanted = host.change(order)
    host.apply(wanted=wanted)
    socket = host.sh("ls -d /run/knot-resolver/control/*").split()[which]
    only = BY_HAND["knot"].remove.replace("/run/knot-resolver/control/*", socket)
    host.sh(only)
    assert [running.zone for running in host.read().running if running.id] == []
    assert host.apply(wanted=wanted).outcome == "applied"
    assert host.zones() == ["de."]
    assert host.revert(order).outcome == "reverted"


def test_an_instance_of_kresd_that_died_holds_up_nobody(four: Lab) -> None:
    """Killed, it leaves its socket behind; started again, by a manager too, it reads our file."""
    host, order = Hands(four, "knot1"), nta()
    host.apply(order)
    one = "$(grep -lz SYSTEMD_INSTANCE=1 /proc/[0-9]*/environ | cut -d / -f 3)"
    host.sh(f"kill -9 {one}; test -S /run/knot-resolver/control/1")
    reading = host.read()
    assert ([running.zone for running in reading.running if running.id], reading.problems) == (
        ["de."],
        (),
    )
    host.sh(f"cd /var/lib/ntactl/nta/{order.id}; echo 1 > ends_at; sh guard")
    host.service("resolver", "start")
    wait_until(lambda: host.read().problems == () and host.zones() == [], 5, "it to be gone")
