"""The signed Internet of the scenes: root, com., example.com. and what lies below and beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
from dns.rdatatype import RdataType
from scene_zones import Key, Plan
from scenes import Change, Edit, Scene

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
