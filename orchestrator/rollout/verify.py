"""Does a resolver do what it should now? Pure: views in, complaints out (DESIGN rule 5).

Nothing here believes an exit code: what counts is what the resolver answers, against the
controls and against its own answers with CD set (RFC 4035 section 3.2.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.fleet.probe import Ask
from orchestrator.model import ResolverView
from orchestrator.names import under
from orchestrator.playbook import Controls

ANSWERED = {"NOERROR", "NXDOMAIN"}
_FRESH = "ntactl-"


def zone_asks(zone: str, names: Sequence[str], token: str) -> list[Ask]:
    """What is asked under the zone: its SOA, names known to have failed, one never asked before.

    `token` makes the last one new, so that no cache can answer it.
    """
    seen = [Ask(name=name, type="A") for name in names if name != zone]
    fresh = f"{_FRESH}{token}.{zone.removeprefix('.')}"
    return [Ask(name=zone, type="SOA"), *seen, Ask(name=fresh, type="A")]


def control_complaints(views: Iterable[ResolverView], controls: Controls) -> list[str]:
    """Does it still validate? One sentence for each way in which it does not."""
    found = {view.name: view for view in views}
    return [
        *_healthy_complaints(found.get(controls.healthy), controls.healthy),
        *_bogus_complaints(found.get(controls.bogus), controls.bogus),
    ]


def back_complaints(views: Iterable[ResolverView], controls: Controls) -> list[str]:
    """Validation was off: is it back? Then names fail where the root is still broken."""
    seen = list(views)
    if fails_all(seen, controls):
        return _bogus_complaints(
            {view.name: view for view in seen}.get(controls.bogus), controls.bogus
        )
    return control_complaints(seen, controls)


def _healthy_complaints(view: ResolverView | None, zone: str) -> list[str]:
    if view is None or view.rcode is None:
        why = f" ({view.error})" if view and view.error else ""
        return [f"no answer for the healthy control {zone}{why}"]
    if view.rcode != "NOERROR" or not view.ad:
        return [f"the healthy control {zone} is {view.rcode}{'' if view.ad else ' without AD'}"]
    return []


def _bogus_complaints(view: ResolverView | None, zone: str) -> list[str]:
    if view is None or view.rcode is None:
        return [f"no answer for the bogus control {zone}"]
    if view.rcode != "SERVFAIL":
        return [f"the bogus control {zone} is {view.rcode}: it does not validate"]
    if view.rcode_cd != "NOERROR":
        return [f"the bogus control {zone} is {view.rcode_cd} with CD: its upstream is gone"]
    return []


def off_complaints(views: Iterable[ResolverView], controls: Controls) -> list[str]:
    """Is validation off (an NTA for the root)? Then what is bogus resolves like what is sound."""
    found = {view.name: view for view in views}
    return [
        f"with validation off {zone} is {_rcode(found.get(zone))}"
        for zone in (controls.healthy, controls.bogus)
        if _rcode(found.get(zone)) != "NOERROR"
    ]


def unhelped_complaints(views: Iterable[ResolverView], controls: Controls) -> list[str]:
    """Before validation is switched off: would names resolve through this host without it?"""
    if any(view.name == controls.healthy and view.rcode_cd == "NOERROR" for view in views):
        return []
    return [f"{controls.healthy} does not resolve through it even with CD: it has another fault"]


def fails_all(views: Iterable[ResolverView], controls: Controls) -> bool:
    """Does it fail a name that is sound, by validating? Then its own trust anchor is suspect."""
    sound = next((view for view in views if view.name == controls.healthy), None)
    return sound is not None and (sound.rcode, sound.rcode_cd) == ("SERVFAIL", "NOERROR")


def validates_nothing(views: Iterable[ResolverView], controls: Controls) -> bool:
    """Does what is bogus on purpose resolve?"""
    return any(view.name == controls.bogus and view.rcode == "NOERROR" for view in views)


def _rcode(view: ResolverView | None) -> str:
    return "unanswered" if view is None else view.rcode or view.error


def upstream_complaints(
    views: Iterable[ResolverView], zone: str, *, cd_is_sure: bool = True
) -> list[str]:
    """Before a flush: would the zone's names resolve through this host at all?

    Cached answers may still hide the outage, and a flush drops them, so the name that nobody asked
    before has to be answered with CD; of an engine that is not `cd_is_sure`, the zone's SOA.
    """
    if any(view.rcode_cd in ANSWERED for view in views if _tells(view, zone, cd_is_sure)):
        return []
    return [f"names under {zone} do not resolve through it even with CD: an NTA would not help"]


def _tells(view: ResolverView, zone: str, cd_is_sure: bool) -> bool:
    fresh = under(view.name, zone) and view.name.startswith(_FRESH)
    return fresh or (not cd_is_sure and view.name == zone)


def nta_complaints(views: Iterable[ResolverView], zone: str) -> list[str]:
    """Is the NTA doing its work: names answered, and not as validated (RFC 7646 section 1.1)?

    A name that fails with CD too has another fault, which no NTA cures; it is passed over.
    """
    complaints = []
    for view in views:
        if not under(view.name, zone):
            continue
        if view.rcode not in ANSWERED and view.rcode_cd in ANSWERED:
            complaints.append(f"{view.name} {view.type} is {view.rcode or view.error}, with CD not")
        elif view.ad:
            complaints.append(f"{view.name} {view.type} still has AD")
    soa = next((view for view in views if view.name == zone), None)
    if soa is None or soa.rcode not in ANSWERED:
        complaints.append(f"{zone} SOA is not answered")
    return complaints


def validation_complaints(views: Iterable[ResolverView], zone: str, *, secure: bool) -> list[str]:
    """After the NTA is out: is the zone validated again, and do its names still resolve?"""
    complaints = []
    for view in views:
        if not under(view.name, zone) or (zone == "." and view.name != zone):
            continue  # below the root there are the controls too
        if view.rcode not in ANSWERED:
            complaints.append(f"{view.name} {view.type} is {view.rcode or view.error}")
        elif view.name == zone and secure and not view.ad:
            complaints.append(f"{zone} {view.type} has no AD")
    return complaints


def by_host(views: Iterable[ResolverView]) -> dict[str, list[ResolverView]]:
    """Views grouped by the host that gave them."""
    grouped: dict[str, list[ResolverView]] = {}
    for view in views:
        grouped.setdefault(view.host, []).append(view)
    return grouped
