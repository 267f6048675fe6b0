"""`ntactl validate`: is one answer secure, and if not, why?"""

from __future__ import annotations

import json
import re
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator.cli import options, output
from orchestrator.cli.clock import clock_note, clock_told, other_time
from orchestrator.cli.desk import now
from orchestrator.cli.typed import moment

if TYPE_CHECKING:
    from dns.name import Name
    from dns.rdatatype import RdataType

    from orchestrator.chain.policy import Policy
    from orchestrator.model import Validation


# There is no playbook to ask here, so that each has a default of its own.
Rounds = Annotated[int, options.ROUNDS]
Every = Annotated[float, options.EVERY]
Timeout = Annotated[float, options.TIMEOUT]

_ESCAPED = re.compile(r"\\[ -~]")  # RFC 1035 section 5.1: \032, and also "\ "


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(validate)


def validate(
    name: Annotated[str, typer.Argument(metavar="NAME", help='A name, like "www.example.".')],
    rdtype: Annotated[str, typer.Argument(metavar="TYPE", help="A type, like A or SOA.")],
    trust_anchor: options.TrustAnchor = None,
    root_hints: options.RootHints = None,
    port: options.Port = 53,
    at: options.Now = None,
    skew: options.Skew = None,
    rounds: Rounds = 1,
    every: Every = 1,
    timeout: Timeout = 2,
    policy: options.Policy = None,
    as_json: options.Json = False,
) -> None:
    """Validate one answer from the trust anchor down, iterating from the root, and say why.

    It follows aliases, and asks a zone's other servers before it calls an answer bogus.
    """
    from orchestrator.chain.check import answer
    from orchestrator.chain.policy import load, with_skew
    from orchestrator.chain.validate import over_rounds
    from orchestrator.chain.vantage import vantage
    from orchestrator.report.verdict import exit_code

    what = (_name(name), _type(rdtype))
    judged_at = moment(at, now()) if at is not None else None
    rules = with_skew(load(policy), skew)
    view = vantage(root_hints, trust_anchor, port, any_anchor=True)
    seen = []
    for number in range(rounds):
        time.sleep(every if number else 0)
        seen.append(
            answer(*what, view, timeout=timeout, policy=rules, clock=now, judged_at=judged_at)
        )
    verdict = over_rounds(seen)
    _print(verdict, judged_at, rules, as_json=as_json)
    raise typer.Exit(exit_code(verdict))


def _name(text: str) -> Name:
    """Any name there may be, also "*.example." and "_25._tcp.example."; IDN as typed."""
    import dns.exception
    import dns.name

    from orchestrator.errors import BadInput, cut, quoted
    from orchestrator.names import zone_name

    ascii_text = text if text.isascii() else zone_name(text)
    plain = _ESCAPED.sub("x", ascii_text)
    if plain in {"", "@"} or " " in plain or not plain.isprintable():  # "@": dnspython's root
        raise BadInput(
            f"{quoted(text)} is no domain name", next_step='one name, like "de."; the root is "."'
        )
    try:
        return dns.name.from_text(ascii_text).canonicalize()
    except (dns.exception.DNSException, UnicodeError) as error:
        raise BadInput(f"{quoted(text)} is no domain name: {cut(error)}") from error


def _type(text: str) -> RdataType:
    import dns.exception
    import dns.rdatatype

    from orchestrator.errors import BadInput, quoted

    try:
        found = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise BadInput(
            f"{quoted(text)} is no record type", next_step="A, AAAA, SOA, ..."
        ) from error
    if dns.rdatatype.is_metatype(found) and found != dns.rdatatype.ANY:
        raise BadInput(f"{quoted(text)} is not the type of any record")
    return found


def _print(
    verdict: Validation, judged_at: datetime | None, rules: Policy, *, as_json: bool
) -> None:
    from orchestrator.report.answer import text

    if as_json:
        told = {"schema": "ntactl/validate/1", **verdict.model_dump(mode="json")}
        print(json.dumps(told | {"clock": clock_told(judged_at, rules)}))
        return
    notes = [*other_time(judged_at, rules), *clock_note([verdict])]
    print("\n".join([*notes, text(verdict, output.width())]), end="")
