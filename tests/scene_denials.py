"""Scenes of what is not there: denials that are stripped, replayed, crafted, or only odd."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
from dns.message import Message
from dns.name import Name
from dns.rdatatype import DS, NSEC, NSEC3, SOA, A
from dns.rrset import RRset
from scene_edits import (
    _each,
    added,
    chained,
    everywhere,
    flipped,
    instead,
    named,
    only_denials,
    rcode,
    signatures,
    unsigned,
    without,
)
from scene_server import answer
from scene_world import DENIALS, EXAMPLE, SUB, UNSEC, Case, at, case, plans
from scene_zones import Plan, b32, hash_of, make, name_of
from scenes import Change, Edit


def _no_soa(section: list[RRset]) -> list[RRset]:
    return [item for item in section if item.rdtype != SOA]


_OPEN = {
    "nx-as-nodata",
    "nx-no-proof",
    "nx-proof-unsigned",
    "nx-unsigned",
    "wildcard-nodata-no-proof",
}


def denials() -> Iterator[Case]:
    nx, www, wild = "nothere.example.com.", "www.example.com.", "x.wild.example.com."
    for id_, question, change in (
        ("nx-no-proof", f"{nx} A", without(NSEC, NSEC3)),
        ("nx-proof-unsigned", f"{nx} A", unsigned(NSEC, NSEC3)),
        ("nx-proof-spoilt", f"{nx} A", signatures(flipped, NSEC, NSEC3)),
        ("nx-soa-taken-out", f"{nx} A", everywhere(_no_soa)),
        ("nodata-soa-taken-out", f"{www} MX", everywhere(_no_soa)),
        ("nx-soa-unsigned", f"{nx} A", unsigned(SOA)),
        ("nx-soa-spoilt", f"{nx} A", signatures(flipped, SOA)),
        ("nx-unsigned", f"{nx} A", unsigned()),
        ("nodata-no-proof", f"{www} MX", without(NSEC, NSEC3)),
        ("nodata-proof-unsigned", f"{www} MX", unsigned(NSEC, NSEC3)),
        ("nodata-proof-spoilt", f"{www} MX", signatures(flipped, NSEC, NSEC3)),
        ("nodata-unsigned", f"{www} MX", unsigned()),
        ("wildcard-no-proof", f"{wild} A", without(NSEC, NSEC3)),
        ("wildcard-proof-unsigned", f"{wild} A", unsigned(NSEC, NSEC3)),
        ("wildcard-nodata-no-proof", f"{wild} MX", without(NSEC, NSEC3)),
        ("wildcard-cname-no-proof", "x.wcalias.example.com. A", without(NSEC, NSEC3)),
        ("empty", f"{www} A", chained(without(A), without(NSEC, NSEC3))),
        ("nx-as-nodata", f"{nx} A", rcode(dns.rcode.NOERROR)),
    ):
        name, rdtype = question.split()
        # Where a name may be an unsigned delegation, nothing has to be proven of it.
        optout = "insecure" if id_ in _OPEN else ""
        yield from case(id_, question, "bogus", at(name, rdtype, change), optout=optout)
    # Nobody signs an rcode; Unbound lets it pass where the proof is whole, over NSEC only.
    for id_, name, rdtype in (("nodata", www, "MX"), ("ent", "ent.example.com.", "A")):
        gone = at(name, rdtype, rcode(dns.rcode.NXDOMAIN), EXAMPLE)
        asked = f"{name} {rdtype}"
        yield from case(f"{id_}-as-nx", asked, "secure", gone, denials=("nsec",))
        yield from case(f"{id_}-as-nx", asked, "bogus", gone, denials=("nsec3", "optout"))
    example = {denial: plans(denial)["example"] for denial in DENIALS}
    for denial, plan in example.items():
        gone = instead(f"{nx} A", plan)
        kind = (denial,)
        yield from case("nx-of-a-name-that-is", f"{www} A", "bogus", at(www, "A", gone),
                        denials=kind)  # fmt: skip
        none = instead(f"{www} MX", plan)
        yield from case("nodata-of-a-type-that-is", f"{www} A", "bogus", at(www, "A", none),
                        denials=kind)  # fmt: skip
        star = chained(instead(f"{wild} A", plan), named(wild, "www.wild.example.com."))
        yield from case("wildcard-for-another-name", f"{www} A", "bogus",
                        at(www, "A", chained(star, named("www.wild.example.com.", www))),
                        denials=kind)  # fmt: skip
        cut = instead("unsec.example.com. DS", plan, dns.rcode.NOERROR)
        yield from case("parents-denial-for-open-child", "unsec.example.com. A", "insecure",
                        at("unsec.example.com.", "A", cut, UNSEC), denials=kind)  # fmt: skip
        parents = _denial_of("sub.example.com.", plan)
        yield from case("parents-denial-for-child", "sub.example.com. A", "bogus",
                        at("sub.example.com.", "A", parents, SUB), denials=kind)  # fmt: skip
        yield from case("parents-denial-for-here", "here.example.com. A", "bogus",
                        at("here.example.com.", "A", _denial_of("here.example.com.", plan),
                           EXAMPLE), denials=kind)  # fmt: skip
        secure_cut = instead("sub.example.com. MX", plans(denial)["sub"])
        yield from case("childs-denial-of-ds", "www.sub.example.com. A", "bogus",
                        Edit(without(DS, NSEC, NSEC3), "www.sub.example.com.", None, (EXAMPLE,)),
                        at("sub.example.com.", "DS", secure_cut), denials=kind)  # fmt: skip
    for number in range(3):
        keep = tuple(n for n in range(3) if n != number)
        yield from case(f"nx-nsec3-without-{number}", f"{nx} A", "bogus",
                        at(nx, "A", only_denials(*keep)), denials=("nsec3", "optout"))  # fmt: skip
    for number in range(2):
        yield from case(f"nx-nsec-only-{number}", f"{nx} A", "bogus",
                        at(nx, "A", only_denials(number)), denials=("nsec",))  # fmt: skip


def _denial_of(child: str, plan: Plan) -> Change:
    """The parent's own record of a delegation, with the parent's SOA: a lie about the child."""

    def edit(message: Message) -> Message:
        zone, name = plan.zone(), name_of(child)
        owner = name
        if plan.denial != "nsec":
            hashed = b32(hash_of(name, plan.salt, plan.iterations))
            owner = dns.name.from_text(hashed, zone.origin)
        kind = NSEC if plan.denial == "nsec" else NSEC3
        wanted = ((zone.origin, SOA), (owner, kind))
        message.answer = []
        message.authority = [r for k in wanted for r in (zone.rrsets[k], zone.signatures[k])]
        return message

    return edit


def nsec3() -> Iterator[Case]:
    nx = "nothere.example.com. A"
    kind = {"denials": ("nsec3", "optout"), "optout": "insecure"}
    yield from case("salt", nx, "secure", salt=b"\xab\xcd", **kind)
    yield from case("iterations", nx, "secure", iterations=10, **kind)
    yield from case("iterations-150", nx, "secure", iterations=150, **kind)
    yield from case("iterations-151", nx, "insecure", iterations=151, **kind)
    yield from case("iterations-500-nodata", "www.example.com. MX", "insecure", iterations=500,
                    denials=("nsec3",))  # fmt: skip
    yield from case("iterations-500-wildcard", "x.wild.example.com. A", "insecure",
                    iterations=500, denials=("nsec3",))  # fmt: skip
    yield from case("iterations-500-positive", "www.example.com. A", "secure", iterations=500,
                    denials=("nsec3",))  # fmt: skip
    yield from case("iterations-500-child", "www.sub.example.com. A", "secure", iterations=500,
                    denials=("nsec3",))  # fmt: skip
    yield from case("iterations-500-no-ds", "www.unsec.example.com. A", "insecure",
                    iterations=500, denials=("nsec3",))  # fmt: skip
    for id_, change in (
        ("hash-unknown", lambda r: r.replace(algorithm=2)),
        ("flags-unknown", lambda r: r.replace(flags=2)),
    ):
        yield from case(f"nsec3-{id_}", nx, "bogus",
                        Edit(_resigned(change), "nothere.example.com.", "A"),
                        denials=("nsec3",))  # fmt: skip
    yield from case("nodata-under-optout-ent", "free.example.com. A", "insecure",
                    denials=("optout",))  # fmt: skip
    yield from case("nodata-ds-under-optout-ent", "free.example.com. DS", "insecure",
                    denials=("optout",))  # fmt: skip


def _resigned(change: Callable[[dns.rdata.Rdata], dns.rdata.Rdata]) -> Change:
    """Change every NSEC3 of example.com. and sign it again, as its operator would."""

    def edit(message: Message) -> Message:
        zone = plans("nsec3")["example"].zone()
        made = []
        for item in message.authority:
            if item.rdtype == NSEC3:
                fresh = _each(item, change)
                made += [fresh, zone.sign(fresh)]
            elif item.covers != NSEC3:
                made.append(item)
        message.authority = made
        return message

    return edit


def _nsec(owner: str, after: str, types: str) -> list[RRset]:
    """A denial that example.com. would sign, if it said so."""
    rrset = make(name_of(owner), NSEC, f"{after} {types}")
    return [rrset, plans()["example"].zone().sign(rrset)]


def _denied_by(*records: list[RRset]) -> Change:
    """In place of the denial records that came."""

    def edit(message: Message) -> Message:
        kept = [i for i in message.authority if SOA in (i.rdtype, i.covers)]
        message.authority = kept + [item for record in records for item in record]
        return message

    return edit


def crafted() -> Iterator[Case]:
    """Denials that are signed, and prove something else or too much."""
    nx, www, wild = "nothere.example.com. A", "www.example.com. MX", "x.wild.example.com. MX"
    apex = "NS SOA RRSIG NSEC"
    for id_, question, state, records in (
        ("nsec-over-other-zones", nx, "bogus", [("example.com.", "com.", apex)]),
        ("nsec-next-outside", nx, "bogus", [("example.com.", "zzz.org.", apex)]),
        ("nsec-alone", nx, "secure", [("example.com.", "example.com.", apex)]),
        (
            "nsec-white-lie", nx, "secure",
            [("nothera.example.com.", "notherf.example.com.", "A"),
             ("!.example.com.", "-.example.com.", "A")],
        ),
        (
            "nsec-below-dname", "x.www.example.com. A", "bogus",
            [("www.example.com.", "zz.example.com.", "DNAME"),
             ("example.com.", "a.example.com.", apex)],
        ),
        ("nodata-cname-there", www, "bogus", [("www.example.com.", "zz.example.com.", "CNAME")]),
        ("nodata-zone-cut", www, "insecure", [("www.example.com.", "zz.example.com.", "NS")]),
        ("nodata-signed-cut", www, "bogus", [("www.example.com.", "zz.example.com.", "NS DS")]),
        (
            "nodata-wildcard-encloser", wild, "bogus",
            [("*.example.com.", "www.example.com.", "A"),
             ("wild.example.com.", "zz.example.com.", "A")],
        ),
        ("nodata-wildcard-has-it", wild, "bogus",
         [("*.wild.example.com.", "www.example.com.", "A MX")]),
        ("nodata-wildcard-cname", wild, "bogus",
         [("*.wild.example.com.", "www.example.com.", "A CNAME")]),
        ("wildcard-closer", "x.y.wild.example.com. A", "bogus",
         [("y.wild.example.com.", "zz.example.com.", "A")]),
        ("wildcard-own", "x.y.wild.example.com. A", "secure",
         [("*.wild.example.com.", "zz.example.com.", "A")]),
    ):  # fmt: skip
        name, rdtype = question.split()
        change = _denied_by(*(_nsec(*record) for record in records))
        yield from case(id_, question, state, at(name, rdtype, change, EXAMPLE), denials=("nsec",))
    name = nx.split(maxsplit=1)[0]
    lie = _denied_by(_nsec(name, f"\\000.{name}", "RRSIG NSEC TYPE128"))
    black = at(name, "A", chained(rcode(dns.rcode.NOERROR), lie), EXAMPLE)
    yield from case("nsec-black-lie", nx, "secure", black, denials=("nsec",))
    beside = at(name, "A", added(2, *_nsec("example.com.", "a.example.com.", apex)), EXAMPLE)
    yield from case("nsec-beside-nsec3", nx, "secure", beside, denials=("nsec3",))
    for id_, merge in (("beside", _both_chains), ("mixed", _mixed_chains)):
        two = at(name, "A", merge, EXAMPLE)
        yield from case(f"two-chains-{id_}", nx, "secure", two, denials=("nsec3",))


def _nsec3(denial: str, owner: str, types: str | None) -> list[RRset]:
    """The record of `owner`, or with no types one that just covers it (RFC 4470 for NSEC3)."""
    zone = plans(denial)["example"].zone()
    digest = int.from_bytes(hash_of(name_of(owner), b"", 0), "big")
    first = digest if types is not None else digest - 1
    before, after = (b32(number.to_bytes(20, "big")) for number in (first, digest + 1))
    flags = int(denial == "optout")
    name = Name([before.encode(), *zone.origin.labels])
    rrset = make(name, NSEC3, f"1 {flags} 0 - {after} {types or ''}")
    return [rrset, zone.sign(rrset)]


APEX, NX, STAR = "example.com.", "nothere.example.com.", "*.example.com."
SOME = "NS SOA RRSIG DNSKEY"
# Of nothere.example.com. or x.nothere.example.com.: what is asked, the records, and what is
# right; a second state where opt-out makes a difference.
CRAFTED3: tuple[tuple[str, str, tuple[tuple[str, str | None], ...], str, str], ...] = (
    ("nx-white-lies", "A nx", ((APEX, SOME), (NX, None), (STAR, None)), "secure", "insecure"),
    ("nx-no-wildcard", "A nx", ((APEX, SOME), (NX, None)), "bogus", ""),
    ("nx-no-closer", "A nx", ((APEX, SOME), (STAR, None)), "bogus", ""),
    ("nx-no-encloser", "A nx", ((NX, None), (STAR, None)), "bogus", ""),
    ("below-cut", "A below", ((NX, "NS"), ("x." + NX, None), ("*." + NX, None)), "insecure", ""),
    (
        "below-signed-cut", "A below",
        ((NX, "NS DS RRSIG"), ("x." + NX, None), ("*." + NX, None)), "bogus", "",
    ),
    (
        "below-dname", "A below",
        ((NX, "DNAME RRSIG"), ("x." + NX, None), ("*." + NX, None)), "bogus", "",
    ),
    ("cut", "A", ((NX, "NS"),), "insecure", ""),
    ("signed-cut", "A", ((NX, "NS DS RRSIG"),), "bogus", ""),
    ("cname", "A", ((NX, "CNAME RRSIG"),), "bogus", ""),
    ("has-it", "A", ((NX, "A RRSIG"),), "bogus", ""),
    ("ds-of-apex", "DS", ((NX, "NS SOA RRSIG"),), "bogus", ""),
    ("ds-there", "DS", ((NX, "NS DS RRSIG"),), "bogus", ""),
    ("wildcard", "A", ((APEX, SOME), (NX, None), (STAR, "TXT RRSIG")), "secure", "insecure"),
    ("wildcard-has", "A", ((APEX, SOME), (NX, None), (STAR, "A RRSIG")), "bogus", ""),
    ("wildcard-cname", "A", ((APEX, SOME), (NX, None), (STAR, "CNAME RRSIG")), "bogus", ""),
    ("wildcard-no-encloser", "A", ((NX, None), (STAR, "TXT RRSIG")), "bogus", ""),
    ("wildcard-no-closer", "A", ((APEX, SOME), (STAR, "TXT RRSIG")), "bogus", ""),
    ("covered", "A", ((APEX, SOME), (NX, None)), "bogus", "insecure"),
    ("ds-covered", "DS", ((APEX, SOME), (NX, None)), "bogus", "insecure"),
    ("ds-covered-no-encloser", "DS", ((NX, None),), "bogus", ""),
)  # fmt: skip
# What the parent says of unsec.example.com. in place of the truth.
DELEGATED3: tuple[tuple[str, tuple[tuple[str, str | None], ...], str, str], ...] = (
    ("match", (("unsec.example.com.", "NS"),), "insecure", ""),
    ("no-ns", (("unsec.example.com.", "A RRSIG"),), "bogus", ""),
    ("has-ds", (("unsec.example.com.", "NS DS RRSIG"),), "bogus", ""),
    ("is-childs", (("unsec.example.com.", "NS SOA RRSIG"),), "bogus", ""),
    ("covered", ((APEX, SOME), ("unsec.example.com.", None)), "bogus", "insecure"),
    ("no-encloser", (("unsec.example.com.", None),), "bogus", ""),
)


def crafted3() -> Iterator[Case]:
    """The same with NSEC3."""
    for denial in ("nsec3", "optout"):
        for id_, what, records, state, optout in CRAFTED3:
            rdtype, _, kind = what.partition(" ")
            name = f"x.{NX}" if kind == "below" else NX
            code = dns.rcode.NXDOMAIN if kind else dns.rcode.NOERROR
            made = _denied_by(*(_nsec3(denial, *record) for record in records))
            change = at(name, rdtype, chained(rcode(code), made), EXAMPLE)
            yield from case(
                f"nsec3-{id_}", f"{name} {rdtype}", state, change, denials=(denial,), optout=optout
            )
        for id_, records, state, optout in DELEGATED3:
            made = _referred_with(*(_nsec3(denial, *record) for record in records))
            edits = (
                Edit(made, "www.unsec.example.com.", None, (EXAMPLE,)),
                at("unsec.example.com.", "DS", made, EXAMPLE),
            )
            question = "www.unsec.example.com. A"
            yield from case(
                f"delegation-{id_}", question, state, *edits, denials=(denial,), optout=optout
            )


def _referred_with(*records: list[RRset]) -> Change:
    def edit(message: Message) -> Message:
        kept = [i for i in message.authority if NSEC3 not in (i.rdtype, i.covers)]
        message.authority = kept + [item for record in records for item in record]
        return message

    return edit


def _other_chain() -> list[RRset]:
    """The same denial by a chain with a salt."""
    zone = plans("nsec3", salt=b"\xaa")["example"].zone()
    query = dns.message.make_query("nothere.example.com.", "A", want_dnssec=True)
    return [i for i in answer([zone], query).authority if NSEC3 in (i.rdtype, i.covers)]


def _both_chains(message: Message) -> Message:
    message.authority += _other_chain()
    return message


def _mixed_chains(message: Message) -> Message:
    first = next(item.name for item in message.authority if item.rdtype == NSEC3)
    kept = [item for item in message.authority if item.name != first]
    message.authority = kept + _other_chain()[:2]
    return message
