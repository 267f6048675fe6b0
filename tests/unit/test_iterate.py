"""Iteration from the root hints: what is asked, who is passed over, and that it always ends."""

from __future__ import annotations

import random
from collections.abc import Callable

import dns.message
import dns.name
import pytest
from dns.rdatatype import AAAA, NS, A, RdataType
from rpl import Scenario
from scene_edits import chained, everywhere, silent, without
from scene_world import COM, EXAMPLE, OTHER, ROOT, at, case, plans, scene
from scene_zones import NOW, Key, make, name_of
from scenes import Edit, Scene
from scripted import validated

from orchestrator.chain.iterate import BUDGET
from orchestrator.chain.policy import Policy
from orchestrator.chain.validate import Seen, judge, over_rounds, see
from orchestrator.chain.vantage import Vantage
from orchestrator.chain.verify import When, Work
from orchestrator.dns.exchange import Question, Reply
from orchestrator.model import Cause, Extent, State, Validation

WWW = "www.example.com."
Answer = Callable[[Question], Reply | None]


def play(
    world: Scene | Scenario, answer: Answer = lambda _: None
) -> tuple[Validation, list[Question]]:
    """Validate; `answer` may reply in place of the scene. Also what was asked."""
    asked: list[Question] = []
    when = When(NOW, 0, Work())
    view = Vantage(tuple(("a.root.", address) for address in world.hints), world.anchors)
    entry = world.asked[1]
    steps = see(entry.name, entry.rdtype, view, when)
    batch = next(steps)
    while True:
        asked += batch.questions
        replies = [answer(question) or _from(world, question) for question in batch.questions]
        try:
            batch = steps.send(replies)
        except StopIteration as done:
            seen: Seen = done.value
            return judge(seen, world.now, when), asked


def _from(world: Scene | Scenario, question: Question) -> Reply:
    query = dns.message.make_query(question.name, question.rdtype, want_dnssec=True)
    wire = world.reply(question.address, query)
    return Reply(question, wire, "" if wire else "timeout")


def ns_of(cut: str, *servers: str, glue: tuple[tuple[str, str], ...] = ()) -> Callable:
    """A referral to `cut`, whatever was asked."""

    def edit(message: dns.message.Message) -> dns.message.Message:
        message.answer = []
        message.authority = [make(name_of(cut), NS, *servers)]
        message.additional = [
            make(name_of(name), AAAA if ":" in address else A, address) for name, address in glue
        ]
        return message

    return edit


def test_questions_carry_the_whole_name_and_the_root_is_not_primed() -> None:
    verdict, asked = play(scene(f"{WWW} A"))
    assert verdict.state is State.SECURE
    about = [(q.address, q.name, q.rdtype) for q in asked]
    assert about[:3] == [(ROOT, WWW, "A"), (COM, WWW, "A"), (EXAMPLE, WWW, "A")]
    assert {kind for _, _, kind in about[3:]} == {"DNSKEY"}
    assert len(asked) == 6


def test_an_address_family_that_is_not_there_is_no_error() -> None:
    def no_way(question: Question) -> Reply | None:
        return Reply(question, None, "unreachable") if ":" in question.address else None

    glue = (("ns.example.com.", "2001:db8::3"), ("ns.example.com.", EXAMPLE))
    both = Edit(ns_of("example.com.", "ns.example.com.", glue=glue), WWW, None, (COM,))
    world = scene(f"{WWW} A", "nsec", both)
    world = Scene(world.question, world.plans, world.anchors, ("2001:db8::1", ROOT), world.edits)
    verdict, _ = play(world, no_way)
    assert verdict.state is State.SECURE


def test_over_ipv6_alone() -> None:
    def only_six(question: Question) -> Reply | None:
        return None if ":" in question.address else Reply(question, None, "unreachable")

    served = tuple((f"2001:db8::{n}", plan) for n, plan in enumerate(plans().values()))
    where = {plan.origin: address for address, plan in served}
    edits = [
        Edit(ns_of(cut, f"ns.{cut}", glue=((f"ns.{cut}", where[cut]),)), WWW, None, (where[above],))
        for above, cut in ((".", "com."), ("com.", "example.com."))
    ]
    world = scene(f"{WWW} A", "nsec", *edits, also=served)
    world = Scene(world.question, world.plans, world.anchors, (where["."],), world.edits, served)
    assert play(world, only_six)[0].state is State.SECURE


def test_a_name_server_without_glue_is_looked_up() -> None:
    edit = Edit(ns_of("example.com.", "ns.example.net."), WWW, None, (COM,))
    more = ((plans()["exnet"].address, plans()["example"]),)
    assert play(scene(f"{WWW} A", "nsec", edit, also=more))[0].state is State.SECURE


def test_glue_from_outside_the_zone_is_not_believed() -> None:
    glue = (("ns.example.net.", OTHER),)
    edit = Edit(ns_of("example.com.", "ns.example.net.", glue=glue), WWW, None, (COM,))
    more = ((plans()["exnet"].address, plans()["example"]),)
    verdict, asked = play(scene(f"{WWW} A", "nsec", edit, also=more))
    assert verdict.state is State.SECURE
    assert OTHER not in {question.address for question in asked}


def test_name_servers_that_need_each_other_are_given_up() -> None:
    edits = (
        Edit(ns_of("example.com.", "ns.example.net."), None, None, (COM,)),
        Edit(ns_of("example.net.", "ns.example.com."), None, None, (plans()["net"].address,)),
    )
    verdict, asked = play(scene(f"{WWW} A", "nsec", *edits))
    assert verdict.state is State.INDETERMINATE
    assert len(asked) < 40


@pytest.mark.parametrize("cut", [".", "com.", "net.", "org."])
def test_a_referral_that_does_not_lead_down_is_lame(cut: str) -> None:
    glue = ((f"ns.{cut.lstrip('.')}", COM),)
    edit = Edit(ns_of(cut, glue[0][0], glue=glue), None, None, (COM,))
    verdict, asked = play(scene(f"{WWW} A", "nsec", edit))
    assert verdict.state is not State.SECURE
    assert len(asked) < 20


def test_referrals_without_end_are_given_up() -> None:
    """Every answer refers one label further down, to the same address."""
    deep = ".".join("abcdefghijklmnopqrstuvwxyz") + ".example.com."

    def refer(question: Question) -> Reply:
        query = dns.message.make_query(question.name, question.rdtype)
        name, size = dns.name.from_text(question.name), depth[0]
        depth[0] = min(len(name), size + 1)
        cut = name.split(min(len(name), size))[1].to_text()
        message = dns.message.make_response(query)
        ns_of(cut, "ns.example.com.", glue=(("ns.example.com.", EXAMPLE),))(message)
        return Reply(question, message.to_wire())

    depth = [2]
    verdict, asked = play(scene(f"{deep} A"), refer)
    assert verdict.state is State.INDETERMINATE
    assert len(asked) <= BUDGET


def test_many_name_servers_that_lead_nowhere_cost_a_bounded_number_of_questions() -> None:
    names = [f"ns{n}.nothere{n}.net." for n in range(200)]
    edit = Edit(ns_of("example.com.", *names), None, None, (COM,))
    verdict, asked = play(scene(f"{WWW} A", "nsec", edit))
    assert verdict.state is State.INDETERMINATE
    assert len(asked) <= BUDGET + 1


def test_answers_cut_short_and_no_tcp() -> None:
    def cut(question: Question) -> Reply | None:
        return Reply(question, None, "truncated-no-tcp") if question.address == EXAMPLE else None

    verdict, _ = play(scene(f"{WWW} A"), cut)
    assert verdict.state is State.INDETERMINATE
    assert Cause.TRUNCATED_NO_TCP in {finding.cause for finding in verdict.findings}


def test_dnskey_that_does_not_come_is_not_called_bogus() -> None:
    verdict, _ = play(scene(f"{WWW} A", "nsec", at("example.com.", "DNSKEY", silent)))
    assert verdict.state is State.INDETERMINATE


def test_an_empty_answer_is_the_last_resort() -> None:
    empty = chained(
        without(*(RdataType.make(t) for t in ("A", "DNSKEY"))),
        lambda m: (setattr(m, "flags", m.flags & ~0x0400), m)[1],
    )
    second = Edit(
        everywhere(lambda section: section), WWW, None, (COM,)
    )  # the referral names both servers
    more = ((OTHER, plans()["example"]),)
    glue = Edit(
        lambda m: (m.additional.append(make(name_of("ns.example.com."), A, OTHER)), m)[1],
        WWW, None, (COM,),
    )  # fmt: skip
    world = scene(f"{WWW} A", "nsec", second, glue, Edit(empty, None, None, (EXAMPLE,)), also=more)
    assert play(world)[0].state is State.SECURE


def test_mangled_bytes_never_raise_and_never_make_a_bogus_answer_secure() -> None:
    bad = next(case("x", f"{WWW} A", "bogus", at(WWW, "A", without(NS)), denials=("nsec",))).scene
    spoilt = bad.edited(at(WWW, "A", _spoil))
    for seed in range(150):
        rng = random.Random(seed)

        def mangle(question: Question, rng: random.Random = rng) -> Reply | None:
            reply = _from(spoilt, question)
            if reply.wire is None or rng.random() < 0.6:
                return reply
            wire = bytearray(reply.wire)
            for _ in range(rng.choice((1, 1, 3, 30))):
                wire[rng.randrange(12, len(wire))] = rng.randrange(256)
            return Reply(question, bytes(wire[: rng.choice((len(wire), rng.randrange(len(wire))))]))

        verdict, asked = play(spoilt, mangle)
        assert verdict.state is not State.SECURE
        assert len(asked) <= BUDGET


def _spoil(message: dns.message.Message) -> dns.message.Message:
    for item in message.answer:
        if item.rdtype == A and item.name == name_of(WWW):
            item.clear()
            item.add(make(item.name, A, "192.0.2.66")[0], 300)
    return message


def test_rounds_that_differ_are_flapping() -> None:

    good = play(scene(f"{WWW} A"))[0]
    bad = play(scene(f"{WWW} A", "nsec", at(WWW, "A", _spoil)))[0]
    verdict = over_rounds([good, bad, good])
    assert (verdict.state, verdict.extent, verdict.rounds) == (State.BOGUS, Extent.FLAPPING, 3)
    assert over_rounds([bad, bad]).extent is Extent.WHOLE


def test_a_root_out_of_its_time_makes_our_own_clock_suspect() -> None:
    world = scene(f"{WWW} A")
    when = When(NOW + 400 * 86400, 0, Work())
    view = Vantage((("a.root.", ROOT),), world.anchors)
    steps = see(name_of(WWW), RdataType.A, view, when)
    batch = next(steps)
    while True:
        try:
            batch = steps.send([_from(world, question) for question in batch.questions])
        except StopIteration as done:
            seen = done.value
            break
    mine = judge(seen, world.now, when, own_clock=True)
    given = judge(seen, world.now, when)
    assert (mine.state, mine.findings[0].cause) == (State.INDETERMINATE, Cause.CLOCK_SUSPECT)
    assert (given.state, given.findings[0].cause) == (State.BOGUS, Cause.RRSIG_EXPIRED)


def test_a_policy_says_what_counts() -> None:

    def state(world: Scene, policy: Policy) -> State:
        view = Vantage((("a.root.", ROOT),), world.anchors)
        return validated(world, view, policy).state

    sha1 = scene(f"{WWW} A", keys=(Key("example.com.", algorithm=5),))
    assert state(sha1, Policy()) is State.SECURE
    assert state(sha1, Policy(algorithms=frozenset({8, 13}))) is State.INSECURE
    many = scene("nothere.example.com. A", "nsec3", iterations=100)
    assert state(many, Policy()) is State.SECURE
    assert state(many, Policy(nsec3_iterations=50)) is State.INSECURE
    late = scene(f"{WWW} A", end=NOW - 10)
    assert state(late, Policy()) is State.BOGUS
    assert state(late, Policy(skew=10)) is State.SECURE
