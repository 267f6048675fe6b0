"""The lab's name servers as they run: publishes the zones, breaks them and heals them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import dns.name

from orchestrator.errors import BadInput
from orchestrator.lab import world
from orchestrator.lab.authority import Authority
from orchestrator.lab.folder import Folder
from orchestrator.lab.scenarios import FRESH, HEALTHY, Look, Scenario, published_ds, scenario
from orchestrator.lab.signer import Key, Window, Zone, by_type, ds_of, sign
from orchestrator.lab.world import BAD, ORDINARY, ORG, TLDS, Keys, Tld
from orchestrator.names import zone_name


@dataclass
class Standing:
    """How one ordinary TLD stands: its scenario and phase, since when, and its next serial."""

    tld: Tld
    authorities: tuple[Authority, ...]
    scenario: Scenario = HEALTHY
    phase: int = 1
    since: float = field(default_factory=time.time)
    due: float = 0.0


class Internet:
    """Root, TLDs and children, served by NSD processes."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.serial = int(time.strftime("%Y%m%d00", time.gmtime()))
        self.root_keys = world.make_keys()
        self.child_keys = {
            f"{label}.{plan.origin}": world.make_keys() for plan in TLDS for label in plan.signed
        }
        self.tlds = {plan.origin: self._tld(plan) for plan in TLDS}
        self.root = self._authority("root", [s.address for s in world.ROOT_SERVERS], ["."])
        self.fixed = self._authority("fixed", ["10.53.2.1"], [ORG.origin, BAD.origin])
        children = [child for plan in TLDS for child in plan.children]
        self.children = self._authority("children", world.CHILD_ADDRESSES, children)
        self.standing = {plan.origin: self._standing(plan) for plan in ORDINARY}

    def _tld(self, plan: world.TldPlan) -> Tld:
        origin = dns.name.from_text(plan.origin)
        return Tld(plan, origin, world.make_tld_keys(), world.delegations(plan, self.child_keys))

    def _authority(
        self, name: str, addresses: list[str] | tuple[str, ...], zones: list[str]
    ) -> Authority:
        return Authority(self.folder.servers / name, addresses, zones)

    def _standing(self, plan: world.TldPlan) -> Standing:
        label = plan.origin.rstrip(".")
        authorities = tuple(
            self._authority(f"{label}-{number}", [server.address], [plan.origin])
            for number, server in enumerate(plan.servers, 1)
        )
        return Standing(self.tlds[plan.origin], authorities)

    def start(self) -> None:
        """Write every zone, start every server, return when all of them answer."""
        self.serial += 1
        self._write_root()
        self._write_fixed()
        self._write_children()
        for standing in self.standing.values():
            self._write_tld(standing)
        for authority in self.authorities():
            authority.start()
        for authority in self.authorities():
            authority.wait(list(authority.serials))

    def authorities(self) -> list[Authority]:
        ordinary = [one for standing in self.standing.values() for one in standing.authorities]
        return [self.root, self.fixed, self.children, *ordinary]

    def anchor(self) -> str:
        """The DS of the root's KSK: the lab's trust anchor."""
        return f". IN DS {ds_of(dns.name.root, self.root_keys.ksk)}\n"

    def break_zone(self, zone: str, name: str, phase: int) -> None:
        """Let a TLD break. Returns when its servers serve it. Raises BadInput."""
        self._change(self._find(zone), scenario(name, phase), phase)

    def heal_zone(self, zone: str) -> None:
        """Put a TLD right. Returns when its servers serve it. Raises BadInput."""
        self._change(self._find(zone), HEALTHY, 1)

    def _find(self, zone: str) -> Standing:
        name = zone_name(zone)
        if name not in self.standing:
            raise BadInput(
                f"{name} cannot be broken; the lab's ordinary zones are {', '.join(self.standing)}"
            )
        return self.standing[name]

    def _change(self, standing: Standing, found: Scenario, phase: int) -> None:
        standing.scenario, standing.phase, standing.since = found, phase, time.time()
        self._publish(standing)
        self._write_root()
        self.root.reload()
        self.root.wait(["."])

    def _publish(self, standing: Standing) -> None:
        self.serial += 1
        standing.due = time.monotonic() + standing.scenario.every
        self._write_tld(standing)
        for authority in standing.authorities:
            authority.reload()
        for authority in standing.authorities:
            authority.wait([standing.tld.plan.origin])

    def tick(self) -> None:
        """Publish a new serial where a scenario wants one by now."""
        for standing in self.standing.values():
            if standing.scenario.every and time.monotonic() >= standing.due:
                self._publish(standing)

    def seconds_to_tick(self) -> float:
        """How long until `tick` has something to do; a minute at most."""
        due = [s.due - time.monotonic() for s in self.standing.values() if s.scenario.every]
        return min(60.0, max(0.01, min(due, default=60.0)))

    def _write_tld(self, standing: Standing) -> None:
        tld, now = standing.tld, int(time.time())
        for number, authority in enumerate(standing.authorities):
            look = Look(tld, standing.phase, number, self.serial, now)
            authority.write({tld.plan.origin: standing.scenario.serve(look)})

    def _write_root(self) -> None:
        ds = {plan.origin: published_ds(self.tlds[plan.origin], 1) for plan in (ORG, BAD)}
        for origin, standing in self.standing.items():
            ds[origin] = standing.scenario.ds(standing.tld, standing.phase)
        zone = world.root_zone(ds, self.root_keys, self.serial, _fresh())
        self.root.write({".": zone})

    def _write_fixed(self) -> None:
        good, bad = self.tlds[ORG.origin], self.tlds[BAD.origin]
        self.fixed.write(
            {
                ORG.origin: self._signed(good, good.keys, good.keys.zsk),
                # Every signature but the one over the DNSKEY RRset is by a key of the right
                # tag that is not published: SERVFAIL, and NOERROR with CD.
                BAD.origin: self._signed(bad, bad.keys, bad.keys.rivals[0]),
            }
        )

    def _signed(self, tld: Tld, keys: Keys, zsk: Key) -> Zone:
        zone = world.with_nsec3(tld, world.tld_data(tld, self.serial), keys.ksk, keys.zsk)
        return sign(tld.origin, zone, _fresh(), by_type(keys.ksk, zsk))

    def _write_children(self) -> None:
        zones = {}
        for child in self.children.serials:
            keys = self.child_keys.get(child)
            zones[child] = (
                world.signed_child(child, keys, self.serial, _fresh())
                if keys
                else world.child_zone(child, self.serial)
            )
        self.children.write(zones)


def _fresh() -> Window:
    now = int(time.time())
    return Window(now + FRESH[0], now + FRESH[1])
