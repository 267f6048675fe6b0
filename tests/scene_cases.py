"""Answers a validator has to get right, as scenes: what is asked, what is edited, what is right.

The concepts are those of Unbound's val_*.rpl and of the RFCs; each runs over NSEC, NSEC3 and
opt-out zones unless it says otherwise. `optout` is the state where opt-out makes a difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
from dns.message import Message
from dns.rdatatype import CNAME, DNSKEY, DS, NSEC, NSEC3, RRSIG, SOA, A, RdataType
from dns.rrset import RRset
from scene_denials import crafted, crafted3, denials, nsec3
from scene_edits import (
    added,
    chained,
    everywhere,
    failing,
    flipped,
    instead,
    named,
    rcode,
    signatures,
    silent,
    ttl,
    unsigned,
    without,
)
from scene_server import answer
from scene_world import COM, DENIALS, EXAMPLE, LEAF, OTHER, ROOT, SUB, Case, anchor, at, case, plans
from scene_zones import DAY, NOW, Key, Plan, make, name_of
from scenes import Change, Edit

from orchestrator.dns.message import AnyDS


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


def far() -> Iterator[Case]:
    """A cut as far below its parent as names allow."""
    below = ".".join("a" * 100)
    origin = f"{below}.example.com."
    children = ((below, SUB, (Key(origin).ds(),)),)
    also = ((SUB, Plan(origin, SUB, LEAF, denial="nsec")),)
    yield from case("cut-far-below", f"www.{origin} A", "secure", children=children, also=also)


def odd_ds(digest_type: int, size: int) -> AnyDS:
    """One that dnspython would refuse."""
    right = Key("odd.example.com.").ds()
    return AnyDS(right.key_tag, int(right.algorithm), digest_type, bytes(size))


def odd_digests() -> Iterator[Case]:
    """What cannot be used beside a DS that can does no harm (RFC 4035 section 5.2)."""
    right = Key("odd.example.com.").ds()
    also = ((SUB, Plan("odd.example.com.", SUB, LEAF, denial="nsec")),)
    for id_, ds, state, cause in (
        ("ds-reserved-beside-right", (odd_ds(0, 0), right), "secure", ""),
        ("ds-short-beside-right", (odd_ds(2, 5), right), "secure", ""),
        ("ds-long-sha1-beside-right", (odd_ds(1, 21), right), "secure", ""),
        ("ds-long-sha384-beside-right", (odd_ds(4, 60), right), "secure", ""),
        ("ds-reserved", (odd_ds(0, 32),), "insecure", ""),
        ("ds-long-gost", (odd_ds(3, 33),), "insecure", ""),
        ("ds-of-wrong-length", (odd_ds(2, 33),), "bogus", "ds-digest-mismatch"),
    ):
        children = (("odd", SUB, ds),)
        yield from case(
            id_, "www.odd.example.com. A", state, cause=cause,
            denials=("nsec",), children=children, also=also,
        )  # fmt: skip


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
        sound, insecure, far, odd_digests, trust_anchors, bad_signatures, keys, delegations,
        denials, nsec3, servers, crafted, crafted3, one_server,
    )  # fmt: skip
    return [case for family in families for case in family()]
