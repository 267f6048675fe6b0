"""Answers a validator has to get right, as scenes: what is asked, what is edited, what is right.

The concepts are those of Unbound's val_*.rpl and of the RFCs; each runs over NSEC, NSEC3 and
opt-out zones unless it says otherwise. `optout` is the state where opt-out makes a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
from dns.message import Message
from dns.name import Name
from dns.rdatatype import CNAME, DNSKEY, DS, NSEC, NSEC3, RRSIG, SOA, A, RdataType
from dns.rrset import RRset
from scenes import DAY, NOW, Change, Edit, Key, Plan, Scene, answer, b32, hash_of, make, name_of

ROOT, COM, NET, PLAIN = "192.0.2.1", "192.0.2.2", "192.0.2.4", "192.0.2.7"
EXAMPLE, OTHER, EXNET, SUB, UNSEC, KID, FREE = (
    "192.0.2.3", "192.0.2.13", "192.0.2.14", "192.0.2.5", "192.0.2.6", "192.0.2.8", "192.0.2.9",
)  # fmt: skip
RECORDS = (
    "www A 192.0.2.80",
    "alias CNAME www",
    "two CNAME alias",
    "tonx CNAME nothere",
    "toent CNAME ent",
    "tonet CNAME www.example.net.",
    "tonetnx CNAME nothere.example.net.",
    "tonetwild CNAME x.wild.example.net.",
    "tosub CNAME www.sub",
    "tounsec CNAME www.unsec",
    "toplain CNAME www.plain.",
    "*.wild A 192.0.2.81",
    "*.wcalias CNAME www",
    "*.wcnet CNAME www.example.net.",
    "*.wcnx CNAME nothere",
    "*.wcunsec CNAME www.unsec",
    "*.wctowild CNAME x.wild",
    "*.wctxt TXT here",
    "a.b.ent A 192.0.2.82",
    "d DNAME example.net.",
    "tree DNAME leaf",
    "www.leaf A 192.0.2.83",
    "*.leafwild A 192.0.2.84",
    "todname CNAME www.d",
    f"far DNAME {'x' * 60}.{'y' * 60}.example.net.",
    "loop CNAME loop2",
    "loop2 CNAME loop",
    "self CNAME self",
    "round CNAME round2",
    "round2 CNAME round3",
    "round3 CNAME round",
)
LEAF = ("www A 192.0.2.80", "*.wild A 192.0.2.81", "sole A 192.0.2.85")
DENIALS = ("nsec", "nsec3", "optout")


def plans(denial: str = "nsec", **example: object) -> dict[str, Plan]:
    """Everything as it should be; `example` changes how example.com. is made."""
    made = {
        "sub": Plan("sub.example.com.", SUB, LEAF, denial=denial),
        "unsec": Plan("unsec.example.com.", UNSEC, LEAF, denial="none"),
        "kid": Plan("kid.under.example.com.", KID, LEAF, denial=denial),
        "free": Plan("kid.free.example.com.", FREE, LEAF, denial="none"),
        "here": Plan("here.example.com.", EXAMPLE, LEAF, denial=denial),
        "island": Plan("island.example.com.", EXAMPLE, LEAF, denial=denial),
        "open": Plan("open.example.com.", EXAMPLE, LEAF, denial="none"),
    }
    children = (
        ("sub", SUB, (Key("sub.example.com.").ds(),)),
        ("unsec", UNSEC, ()),
        ("kid.under", KID, (Key("kid.under.example.com.").ds(),)),
        ("kid.free", FREE, ()),
        ("here", EXAMPLE, (Key("here.example.com.").ds(),)),
        ("island", EXAMPLE, ()),
        ("open", EXAMPLE, ()),
    )
    more = example.pop("children", ())
    anchor = example.pop("ds", None)
    records = (*RECORDS, *example.pop("records", ()))
    made["example"] = Plan(
        "example.com.", EXAMPLE, records, children=(*children, *more), denial=denial, **example
    )
    made["exnet"] = Plan("example.net.", EXNET, LEAF, denial=denial)
    ds = anchor if anchor is not None else (made["example"].key.ds(),)
    kids = (("example", EXAMPLE, ds), ("insecure", UNSEC, ()))
    made["com"] = Plan("com.", COM, (), kids, denial=denial)
    made["net"] = Plan("net.", NET, (), (("example", EXNET, (Key("example.net.").ds(),)),), denial)
    made["plain"] = Plan("plain.", PLAIN, LEAF, denial="none")
    tlds = (
        ("com", COM, (Key("com.").ds(),)),
        ("net", NET, (Key("net.").ds(),)),
        ("plain", PLAIN, ()),
    )
    made["root"] = Plan(".", ROOT, (), tlds, denial=denial)
    return made


def anchor(plan_origin: str, rdata: dns.rdata.Rdata | None = None) -> str:
    ds = rdata or Key(plan_origin).ds()
    return f"{plan_origin} IN {RdataType.to_text(ds.rdtype)} {ds.to_text()}"


def scene(
    question: str,
    denial: str = "nsec",
    *edits: Edit,
    anchors: tuple[str, ...] = (),
    also: tuple[tuple[str, Plan], ...] = (),
    **example: object,
) -> Scene:
    made = plans(denial, **example)
    return Scene(
        question, tuple(made.values()), anchors or (anchor("."),), (ROOT,), edits, also
    )  # fmt: skip


# What may be done to an answer.


def everywhere(change: Callable[[list[RRset]], list[RRset]]) -> Change:
    def edit(message: Message) -> Message:
        for number in (1, 2):
            message.sections[number] = change(message.sections[number])
        return message

    return edit


def without(*types: RdataType, owner: str | None = None, covers: RdataType | None = None) -> Change:
    """Leave out RRsets of these types, their signatures too."""

    def gone(item: RRset) -> bool:
        mine = owner is None or item.name == name_of(owner)
        fits = item.rdtype in types or (item.rdtype == RRSIG and item.covers in types)
        return mine and fits and (covers is None or item.covers == covers)

    return everywhere(lambda section: [item for item in section if not gone(item)])


def unsigned(*types: RdataType) -> Change:
    """Leave out signatures, over these types or over all."""
    return everywhere(
        lambda section: [
            i for i in section if i.rdtype != RRSIG or (types and i.covers not in types)
        ]
    )


def signatures(change: Callable[[dns.rdata.Rdata], dns.rdata.Rdata], *types: RdataType) -> Change:
    """Change every signature over these types, or over all."""

    def edit(section: list[RRset]) -> list[RRset]:
        return [
            _each(i, change) if i.rdtype == RRSIG and (not types or i.covers in types) else i
            for i in section
        ]

    return everywhere(edit)


def _each(item: RRset, change: Callable[[dns.rdata.Rdata], dns.rdata.Rdata]) -> RRset:
    made = RRset(item.name, item.rdclass, item.rdtype, item.covers)
    for rdata in item:
        made.add(change(rdata), item.ttl)
    return made


def flipped(rdata: dns.rdata.Rdata) -> dns.rdata.Rdata:
    signature = bytes([rdata.signature[0] ^ 1]) + rdata.signature[1:]
    return rdata.replace(signature=signature)


def rcode(code: dns.rcode.Rcode) -> Change:
    def edit(message: Message) -> Message:
        message.set_rcode(code)
        return message

    return edit


def failing(code: dns.rcode.Rcode) -> Change:
    def edit(message: Message) -> Message:
        message.set_rcode(code)
        message.answer, message.authority, message.additional = [], [], []
        message.flags &= ~dns.flags.AA
        return message

    return edit


def silent(message: Message) -> None:
    del message


def instead(question: str, plan: Plan, code: dns.rcode.Rcode | None = None) -> Change:
    """Answer as another question would be answered, by that zone: a replay."""

    def edit(message: Message) -> Message:
        name, rdtype = question.split()
        other = answer([plan.zone()], dns.message.make_query(name, rdtype, want_dnssec=True))
        message.answer, message.authority = other.answer, other.authority
        message.set_rcode(other.rcode() if code is None else code)
        return message

    return edit


def named(old: str, new: str) -> Change:
    """Give RRsets of one owner another."""

    def edit(section: list[RRset]) -> list[RRset]:
        return [_renamed(i, name_of(new)) if i.name == name_of(old) else i for i in section]

    return everywhere(edit)


def _renamed(item: RRset, name: Name) -> RRset:
    made = RRset(name, item.rdclass, item.rdtype, item.covers)
    made.update(item)
    return made


def only_denials(*keep: int) -> Change:
    """Of the denial records keep some by number, as the authority section has them."""

    def edit(message: Message) -> Message:
        owners = [i.name for i in message.authority if i.rdtype in (NSEC, NSEC3)]
        kept = {owner for number, owner in enumerate(owners) if number in keep}
        message.authority = [
            i
            for i in message.authority
            if i.name in kept or (i.rdtype not in (NSEC, NSEC3) and i.covers not in (NSEC, NSEC3))
        ]
        return message

    return edit


def added(section: int, *rrsets: RRset) -> Change:
    def edit(message: Message) -> Message:
        message.sections[section] += rrsets
        return message

    return edit


def chained(*changes: Change) -> Change:
    def edit(message: Message) -> Message | None:
        made: Message | None = message
        for change in changes:
            made = change(made) if made else None
        return made

    return edit


def ttl(seconds: int) -> Change:
    def edit(section: list[RRset]) -> list[RRset]:
        for item in section:
            item.ttl = seconds
        return section

    return everywhere(edit)


@dataclass(frozen=True)
class Case:
    """One scene and its right state; `partial`: servers differ."""

    id: str
    scene: Scene
    state: str
    cause: str = ""
    partial: bool = False
    unbound: str = ""  # what Unbound 1.17 says where it is known to differ


def case(
    id_: str,
    question: str,
    state: str,
    *edits: Edit,
    denials: tuple[str, ...] = DENIALS,
    optout: str = "",
    cause: str = "",
    **options: object,
) -> Iterator[Case]:
    for denial in denials:
        right = optout if optout and denial == "optout" else state
        partial, unbound = options.get("partial", False), options.get("unbound", "")
        rest = {k: v for k, v in options.items() if k not in ("partial", "unbound")}
        made = scene(question, denial, *edits, **rest)
        yield Case(f"{id_}-{denial}", made, right, cause, bool(partial), str(unbound))


def at(name: str, rdtype: str, change: Change, *addresses: str) -> Edit:
    return Edit(change, name, rdtype, addresses)


def sound() -> Iterator[Case]:
    """Everything as it should be."""
    for id_, question in (
        ("positive", "www.example.com. A"),
        ("apex-ns", "example.com. NS"),
        ("apex-soa", "example.com. SOA"),
        ("apex-dnskey", "example.com. DNSKEY"),
        ("root-ns", ". NS"),
        ("cname", "alias.example.com. A"),
        ("cname-itself", "alias.example.com. CNAME"),
        ("cname-twice", "two.example.com. A"),
        ("cname-to-other-zone", "tonet.example.com. A"),
        ("cname-to-secure-child", "tosub.example.com. A"),
        ("cname-nodata", "alias.example.com. MX"),
        ("child", "www.sub.example.com. A"),
        ("child-below-ent", "www.kid.under.example.com. A"),
        ("child-on-same-server", "www.here.example.com. A"),
        ("child-apex-on-same-server", "here.example.com. NS"),
        ("dname", "www.d.example.com. A"),
        ("dname-within", "www.tree.example.com. A"),
        ("dname-itself", "d.example.com. DNAME"),
        ("cname-to-dname", "todname.example.com. A"),
        ("any", "www.example.com. ANY"),
        ("any-cname", "alias.example.com. ANY"),
        ("any-dname", "d.example.com. ANY"),
        ("ds", "sub.example.com. DS"),
        ("ds-same-server", "here.example.com. DS"),
        ("ds-of-tld", "com. DS"),
        ("wildcard-itself", "*.wild.example.com. A"),
        ("nodata", "www.example.com. MX"),
        ("nodata-apex", "example.com. MX"),
        ("nodata-ent", "ent.example.com. A"),
        ("nodata-ent-deep", "b.ent.example.com. A"),
        ("cname-to-ent", "toent.example.com. A"),
        ("nodata-ds", "www.example.com. DS"),
        ("nodata-root", ". MX"),
    ):
        yield from case(id_, question, "secure")
    for id_, question in (
        ("wildcard", "x.wild.example.com. A"),
        ("cname-to-wildcard", "tonetwild.example.com. A"),
        ("wildcard-deep", "x.y.wild.example.com. A"),
        ("wildcard-nodata", "x.wild.example.com. MX"),
        ("wildcard-cname", "x.wcalias.example.com. A"),
        ("wildcard-cname-to-other-zone", "x.wcnet.example.com. A"),
        ("wildcard-cname-to-wildcard", "x.wctowild.example.com. A"),
        ("wildcard-cname-nodata", "x.wcalias.example.com. MX"),
        ("wildcard-cname-nx", "x.wcnx.example.com. A"),
        ("wildcard-any", "x.wild.example.com. ANY"),
        ("nx", "nothere.example.com. A"),
        ("nx-deep", "a.b.c.nothere.example.com. A"),
        ("nx-below-name", "x.www.example.com. A"),
        ("nx-in-ent", "x.ent.example.com. A"),
        ("nx-tld", "nothere. A"),
        ("cname-to-nx", "tonx.example.com. A"),
        ("cname-to-other-nx", "tonetnx.example.com. A"),
        ("dname-to-nx", "nothere.d.example.com. A"),
        ("ds-none", "unsec.example.com. DS"),
        ("ds-nx", "nothere.example.com. DS"),
    ):
        yield from case(id_, question, "secure", optout="insecure")


def insecure() -> Iterator[Case]:
    for id_, question in (
        ("unsigned-child", "www.unsec.example.com. A"),
        ("unsigned-child-nx", "nothere.unsec.example.com. A"),
        ("unsigned-child-nodata", "www.unsec.example.com. MX"),
        ("unsigned-child-below-ent", "www.kid.free.example.com. A"),
        ("unsigned-child-on-same-server", "www.open.example.com. A"),
        ("unsigned-child-on-same-server-nx", "nothere.open.example.com. A"),
        ("island-on-same-server", "www.island.example.com. A"),
        ("unsigned-tld", "www.plain. A"),
        ("cname-to-unsigned", "tounsec.example.com. A"),
        ("cname-to-unsigned-tld", "toplain.example.com. A"),
        ("wildcard-cname-to-unsigned", "x.wcunsec.example.com. A"),
        ("rrsig", "www.example.com. RRSIG"),
        ("dname-too-long", f"{'a' * 60}.{'b' * 60}.{'c' * 60}.far.example.com. A"),
    ):
        yield from case(id_, question, "insecure")
    for id_, ds in (
        ("ds-algorithm-unknown", Key("sub.example.com.").ds().replace(algorithm=253)),
        ("ds-algorithm-dsa", Key("sub.example.com.").ds().replace(algorithm=3)),
        ("ds-digest-unknown", Key("sub.example.com.").ds().replace(digest_type=3)),
    ):
        children = (("old", SUB, (ds,)),)
        old = (SUB, Plan("old.example.com.", SUB, LEAF, denial="none"))
        yield from case(id_, "www.old.example.com. A", "insecure", children=children, also=(old,))


def trust_anchors() -> Iterator[Case]:
    below = {"anchors": (anchor("example.com."),)}
    key = {"anchors": (anchor("example.com.", Key("example.com.").dnskey),)}
    both = {"anchors": (anchor("."), anchor("example.com."))}
    wrong = {"anchors": (anchor("example.com.", Key("example.com.", number=1).ds()),)}
    one = {"anchors": (*wrong["anchors"], anchor("example.com."))}
    sha1 = {"anchors": (anchor("example.com.", Key("example.com.").ds("SHA1")),)}
    weak = {
        "anchors": (
            anchor("example.com.", Key("example.com.").ds("SHA1")),
            anchor("example.com.", Key("example.com.", number=1).ds()),
        )
    }
    mixed = {"anchors": (*wrong["anchors"], *key["anchors"])}
    denied_by_none = {"anchors": (anchor("nothere.example.com."),)}
    denied = {"anchors": (anchor("example.com."), *denied_by_none["anchors"])}
    of_a_name = {"anchors": (anchor("example.com."), anchor("www.example.com."))}
    odd = {"anchors": (anchor("example.com.", Key("example.com.").ds().replace(algorithm=253)),)}
    for id_, question, state, options in (
        ("anchor-ds-below", "www.example.com. A", "secure", below),
        ("anchor-dnskey-below", "www.example.com. A", "secure", key),
        ("anchor-below-child", "www.sub.example.com. A", "secure", below),
        ("anchor-below-unsigned-child", "www.unsec.example.com. A", "insecure", below),
        ("anchor-twice", "www.example.com. A", "secure", both),
        ("anchor-wrong", "www.example.com. A", "bogus", wrong),
        ("anchor-wrong-and-right", "www.example.com. A", "secure", one),
        ("anchor-sha1", "www.example.com. A", "secure", sha1),
        ("anchor-unknown", "www.example.com. A", "insecure", odd),
        ("outside-anchor", "www.example.net. A", "insecure", below),
        ("above-anchor", "com. SOA", "insecure", below),
        ("ds-of-anchor", "example.com. DS", "insecure", below),
        ("ds-of-anchor-two", "example.com. DS", "secure", both),
        ("cname-out-of-anchor", "tonet.example.com. A", "insecure", below),
        ("anchor-weak-beside-strong", "www.example.com. A", "bogus", weak),
        ("anchor-denied", "www.nothere.example.com. A", "secure", denied),
        ("anchor-of-a-name", "www.example.com. A", "bogus", of_a_name),
        ("anchor-of-a-name-nodata", "www.example.com. MX", "bogus", of_a_name),
        ("anchor-denied-by-unsigned", "www.nothere.example.com. A", "bogus", denied_by_none),
        ("anchor-key-beside-wrong", "www.example.com. A", "secure", mixed),
    ):
        lax = "insecure" if id_ == "anchor-denied-by-unsigned" else ""
        yield from case(id_, question, state, denials=("nsec",), unbound=lax, **options)


EXTRA = make(name_of("zz.example.com."), A, "192.0.2.66")
SPURIOUS = make(name_of("example.com."), RdataType.NS, "ns.example.com.")


def no_aa(message: Message) -> Message:
    message.flags &= ~dns.flags.AA
    return message


def _one_more_bad(message: Message) -> Message:
    for item in message.answer:
        if item.rdtype == RRSIG:
            item.add(flipped(item[0]))
    return message


def bad_signatures() -> Iterator[Case]:
    www, mx = "www.example.com.", "example.com."
    for id_, change, cause in (
        ("unsigned", unsigned(), "rrsig-missing"),
        ("spoilt", signatures(flipped), "rrsig-invalid"),
        ("tag", signatures(lambda r: r.replace(key_tag=r.key_tag ^ 1)), "rrsig-unknown-key"),
        ("algorithm", signatures(lambda r: r.replace(algorithm=8)), "rrsig-unknown-key"),
        ("unknown-algorithm", signatures(lambda r: r.replace(algorithm=253)), ""),
        ("labels-over", signatures(lambda r: r.replace(labels=4)), "rrsig-invalid"),
        ("labels-under", signatures(lambda r: r.replace(labels=2)), "rrsig-invalid"),
        ("original-ttl", signatures(lambda r: r.replace(original_ttl=301)), "rrsig-invalid"),
        ("signer-above", signatures(lambda r: r.replace(signer=name_of("com."))), ""),
        ("signer-below", signatures(lambda r: r.replace(signer=name_of(www))), ""),
        ("signer-beside", signatures(lambda r: r.replace(signer=name_of("example.net."))), ""),
        ("signer-unsigned", signatures(lambda r: r.replace(signer=name_of("plain."))), ""),
        ("expiration", signatures(lambda r: r.replace(expiration=NOW + 90 * DAY)), "rrsig-invalid"),
    ):
        yield from case(
            f"positive-{id_}", f"{www} A", "bogus", at(www, "A", change), cause=cause,
            denials=("nsec",),
        )  # fmt: skip
    for id_, question, edits in (
        ("answer-nx", f"{www} A", (at(www, "A", rcode(dns.rcode.NXDOMAIN), EXAMPLE),)),
        ("answer-extra", f"{www} A", (at(www, "A", added(1, EXTRA), EXAMPLE),)),
        ("ns-unsigned", f"{www} A", (at(www, "A", added(2, SPURIOUS), EXAMPLE),)),
        ("not-authoritative", f"{www} A", (at(www, "A", no_aa, EXAMPLE),)),
        ("two-signatures", f"{www} A", (at(www, "A", _one_more_bad, EXAMPLE),)),
        ("dnskey-nx", f"{www} A", (at(mx, "DNSKEY", rcode(dns.rcode.NXDOMAIN), EXAMPLE),)),
    ):
        state = "bogus" if id_ == "answer-nx" else "secure"
        yield from case(id_, question, state, *edits, denials=("nsec",))
    changed = added(1, make(name_of(www), A, "192.0.2.66"))
    yield from case("record-added", f"{www} A", "bogus", at(www, "A", changed), denials=("nsec",))
    other = chained(instead("www.leaf.example.com. A", plans()["example"]),
                    named("www.leaf.example.com.", www))  # fmt: skip
    yield from case("other-name", f"{www} A", "bogus", at(www, "A", other), denials=("nsec",))
    yield from case("ttl-low", f"{www} A", "secure", at(www, "A", ttl(5)), denials=("nsec",))
    yield from case("ttl-high", f"{www} A", "secure", at(www, "A", ttl(9999)), denials=("nsec",))
    alias = "alias.example.com."
    yield from case(
        "cname-unsigned", f"{alias} A", "bogus", at(alias, "A", unsigned(CNAME)), denials=("nsec",)
    )
    yield from case(
        "cname-target-unsigned", f"{alias} A", "bogus",
        at(alias, "A", unsigned(A)), at(www, "A", unsigned(A)), denials=("nsec",),
    )  # fmt: skip
    tree, dtree = "www.tree.example.com.", unsigned(RdataType.DNAME)
    yield from case("dname-unsigned", f"{tree} A", "bogus", at(tree, "A", dtree), denials=("nsec",))
    yield from case(
        "dname-cname-differs", f"{tree} A", "secure",
        at(tree, "A", _cname_to(tree, "evil.example.com.")), denials=("nsec",),
    )  # fmt: skip
    yield from case("any-unsigned", f"{www} ANY", "bogus", at(www, "ANY", unsigned()),
                    denials=("nsec",))  # fmt: skip
    yield from case("any-part-unsigned", f"{mx} ANY", "bogus", at(mx, "ANY", unsigned(SOA)),
                    denials=("nsec",))  # fmt: skip
    for id_, begin, end, cause in (
        ("expired", NOW - 20 * DAY, NOW - 1, "rrsig-expired"),
        ("not-yet", NOW + 1, NOW + 20 * DAY, "rrsig-not-yet-valid"),
    ):
        yield from case(id_, f"{www} A", "bogus", cause=cause, begin=begin, end=end,
                        denials=("nsec",))  # fmt: skip
    for edge, begin, end in (("end", NOW - DAY, NOW), ("begin", NOW, NOW + DAY)):
        yield from case(f"at-its-{edge}", f"{www} A", "secure", begin=begin, end=end,
                        denials=("nsec",))  # fmt: skip


def _cname_to(owner: str, target: str) -> Change:
    def edit(section: list[RRset]) -> list[RRset]:
        return [
            make(i.name, CNAME, target) if (i.name, i.rdtype) == (name_of(owner), CNAME) else i
            for i in section
        ]

    return everywhere(edit)


def keys() -> Iterator[Case]:
    www = "www.example.com. A"
    good, second = Key("example.com."), Key("example.com.", number=1)
    rsa, sha1 = Key("example.com.", algorithm=8), Key("example.com.", algorithm=5)
    for id_, state, options in (
        ("rsasha256", "secure", {"keys": (rsa,)}),
        ("rsasha1", "secure", {"keys": (sha1,)}),
        ("rsasha1-nsec3", "secure", {"keys": (Key("example.com.", algorithm=7),)}),
        ("p384", "secure", {"keys": (Key("example.com.", algorithm=14),)}),
        ("ed25519", "secure", {"keys": (Key("example.com.", algorithm=15),)}),
        ("two-keys", "secure", {"keys": (good, second)}),
        ("ds-sha1", "secure", {"ds": (good.ds("SHA1"),)}),
        ("ds-sha384", "secure", {"ds": (good.ds("SHA384"),)}),
        ("ds-stale-beside", "secure", {"ds": (second.ds(), good.ds())}),
        ("ds-other-algorithm-beside", "secure", {"ds": (rsa.ds(), good.ds())}),
        ("ds-unknown-beside", "secure", {"ds": (good.ds().replace(algorithm=253), good.ds())}),
        ("ds-no-key", "bogus", {"ds": (second.ds(),)}),
        ("ds-digest", "bogus", {"ds": (_wrong(good.ds()),)}),
        ("ds-sha1-good-sha256-bad", "bogus", {"ds": (good.ds("SHA1"), _wrong(good.ds()))}),
        ("ds-algorithm", "bogus", {"ds": (good.ds().replace(algorithm=8),)}),
        ("key-revoked", "bogus", {"keys": (replace(good, flags=257 | 128),)}),
        ("key-no-zone-key", "bogus", {"keys": (replace(good, flags=1),)}),
        ("key-protocol", "bogus", {"keys": (replace(good, protocol=2),)}),
    ):
        lax = "secure" if id_ in ("ds-sha1-good-sha256-bad", "key-revoked") else ""
        yield from case(id_, www, state, denials=("nsec",), unbound=lax, **options)
    for id_, change in (
        ("dnskey-unsigned", unsigned()),
        ("dnskey-spoilt", signatures(flipped)),
        ("dnskey-nodata", without(DNSKEY)),
        ("dnskey-servfail", failing(dns.rcode.SERVFAIL)),
        ("dnskey-added", added(1, make(name_of("example.com."), DNSKEY, second.dnskey.to_text()))),
    ):
        yield from case(id_, www, "bogus", at("example.com.", "DNSKEY", change), denials=("nsec",))


def _wrong(ds: dns.rdata.Rdata) -> dns.rdata.Rdata:
    return ds.replace(digest=bytes([ds.digest[0] ^ 1]) + ds.digest[1:])


def delegations() -> Iterator[Case]:
    """The parent's word on a child, in the referral and when asked for the DS."""
    for id_, child, change in (
        ("ds-stripped", "sub", without(DS, NSEC, NSEC3)),
        ("ds-sig-stripped", "sub", unsigned(DS)),
        ("ds-sig-spoilt", "sub", signatures(flipped, DS)),
        ("no-ds-proof-stripped", "unsec", without(NSEC, NSEC3)),
        ("no-ds-proof-unsigned", "unsec", unsigned(NSEC, NSEC3)),
        ("no-ds-proof-spoilt", "unsec", signatures(flipped, NSEC, NSEC3)),
    ):
        name = f"{child}.example.com."
        edits = (Edit(change, f"www.{name}", None, (EXAMPLE,)), Edit(change, name, "DS"))
        yield from case(id_, f"www.{name} A", "bogus", *edits)
    wrong = chained(without(DS, NSEC, NSEC3), _with_denials_of("unsec.example.com. DS"))
    edits = (
        Edit(wrong, "www.sub.example.com.", None, (EXAMPLE,)),
        Edit(wrong, "sub.example.com.", "DS"),
    )
    yield from case("ds-denied-by-other-name", "www.sub.example.com. A", "bogus", *edits)
    answered = at("www.sub.example.com.", "A", unsigned(), SUB)
    yield from case("child-unsigned-answer", "www.sub.example.com. A", "bogus", answered)
    here = at("www.here.example.com.", "A", unsigned())
    yield from case("child-same-server-unsigned", "www.here.example.com. A", "bogus", here)
    referral = without(NSEC, NSEC3, DS)
    only_asked = Edit(referral, "www.sub.example.com.", None, (EXAMPLE,))
    yield from case("ds-only-when-asked", "www.sub.example.com. A", "secure", only_asked)
    refused = at("sub.example.com.", "DS", failing(dns.rcode.REFUSED))
    yield from case("ds-only-in-referral", "www.sub.example.com. A", "secure", refused,
                    denials=("nsec",))  # fmt: skip


def _with_denials_of(question: str) -> Change:
    def edit(message: Message) -> Message:
        name, rdtype = question.split()
        query = dns.message.make_query(name, rdtype, want_dnssec=True)
        other = answer([plans()["example"].zone()], query)
        message.authority += [i for i in other.authority if NSEC in (i.rdtype, i.covers)]
        return message

    return edit


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


def servers() -> Iterator[Case]:
    """More than one server, some of them bad."""
    www = "www.example.com."
    two = (added(3, make(name_of("ns.example.com."), A, OTHER)),)
    for denial in DENIALS:
        more = {"also": ((OTHER, plans(denial)["example"]),), "denials": (denial,)}
        both = Edit(two[0], www, None, (COM,))
        for id_, change, state, partial in (
            ("one-unsigned", unsigned(), "bogus", True),
            ("one-spoilt", signatures(flipped), "bogus", True),
            ("one-lame", failing(dns.rcode.REFUSED), "secure", False),
            ("one-silent", silent, "secure", False),
        ):
            bad = Edit(change, None, None, (EXAMPLE,))
            yield from case(id_, f"{www} A", state, both, bad, partial=partial,
                            unbound="secure", **more)  # fmt: skip
        keys_bad = Edit(signatures(flipped), "example.com.", "DNSKEY", (EXAMPLE,))
        yield from case("one-dnskey-spoilt", f"{www} A", "bogus", both, keys_bad, partial=True,
                        unbound="secure", **more)  # fmt: skip
    for id_, change in (("all-silent", silent), ("all-refuse", failing(dns.rcode.REFUSED))):
        bad = Edit(change, None, None, (EXAMPLE,))
        yield from case(id_, f"{www} A", "indeterminate", bad, denials=("nsec",), unbound="bogus")
    for id_, alias in (("two", "loop"), ("one", "self"), ("three", "round")):
        yield from case(f"alias-circle-of-{id_}", f"{alias}.example.com. A", "bogus",
                        denials=("nsec",), cause="validation-limit")  # fmt: skip


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


def one_server() -> Iterator[Case]:
    """Everything at one address: no referral ever comes, as from a forwarder."""
    for id_, question, state in (
        ("positive", "www.example.com. A", "secure"),
        ("child", "www.kid.under.example.com. A", "secure"),
        ("unsigned-child", "www.unsec.example.com. A", "insecure"),
        ("unsigned-child-below-ent", "www.kid.free.example.com. A", "insecure"),
        ("cname-to-other-zone", "tonet.example.com. A", "secure"),
        ("cname-to-unsigned-tld", "toplain.example.com. A", "insecure"),
        ("dname", "www.d.example.com. A", "secure"),
        ("nodata", "www.sub.example.com. MX", "secure"),
        ("ds", "sub.example.com. DS", "secure"),
    ):
        for one in case(f"one-server-{id_}", question, state):
            plans_ = tuple(replace(plan, address=ROOT) for plan in one.scene.plans)
            yield replace(one, scene=replace(one.scene, plans=plans_))
            dumb = Edit(chained(no_aa, lambda m: (setattr(m, "flags", m.flags | 0x80), m)[1]))
            fwd = replace(one.scene.edited(dumb), plans=plans_)
            yield replace(one, id=f"forwarder-{one.id}", scene=fwd)
    bad = at("www.sub.example.com.", "A", unsigned())
    for one in case("one-server-unsigned", "www.sub.example.com. A", "bogus", bad):
        plans_ = tuple(replace(plan, address=ROOT) for plan in one.scene.plans)
        yield replace(one, scene=replace(one.scene, plans=plans_))


def all_cases() -> list[Case]:
    families = (
        sound, insecure, trust_anchors, bad_signatures, keys, delegations, denials, nsec3, servers,
        crafted, one_server,
    )  # fmt: skip
    return [case for family in families for case in family()]
