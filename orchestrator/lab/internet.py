"""The lab's name servers as they run: publishes the zones, breaks them and heals them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import dns.name

from orchestrator.errors import BadInput
from orchestrator.lab import world
from orchestrator.lab.apart import Apart
from orchestrator.lab.authority import Authority
from orchestrator.lab.fillers import Fillers
from orchestrator.lab.folder import Folder
from orchestrator.lab.keys import P256, RSASHA256, Key, make_keys, make_tld_keys
from orchestrator.lab.root import ROOT, Delegation, Root
from orchestrator.lab.scenarios import HEALTHY, scenario
from orchestrator.lab.scenarios.look import Scenario, published_ds
from orchestrator.lab.signer import Zone, by_type, ds_of, sign
from orchestrator.lab.standing import Standing
from orchestrator.lab.stock import Stock
from orchestrator.lab.world import BAD, ORDINARY, ORG, TLDS, Tld, TldPlan
from orchestrator.names import zone_name


class Internet:
    """Root, TLDs and children, served by NSD processes."""

    def __init__(self, folder: Folder, plans: Sequence[TldPlan], stock: Stock) -> None:
        self.folder = folder
        self.serial = int(time.strftime("%Y%m%d00", time.gmtime()))
        self.root_zone = Root(make_keys(RSASHA256 if plans else P256))  # the real one has RSA
        self.child_keys = {
            f"{label}.{plan.origin}": make_keys() for plan in TLDS for label in plan.signed
        }
        self.tlds = {plan.origin: self._tld(plan) for plan in TLDS}
        addresses = [server.address for server in world.ROOT_SERVERS]
        self.root = Authority(folder.servers / "root", addresses, ["."], axfr=True)
        self.fixed = self._authority("fixed", ["10.53.2.1"], [ORG.origin, BAD.origin])
        children = [child for plan in TLDS for child in plan.children]
        self.children = self._authority("children", world.CHILD_ADDRESSES, children)
        self.standing = {plan.origin: self._standing(plan) for plan in ORDINARY}
        self.fillers = Fillers(folder, plans, stock)
        self.apart = Apart(folder.servers / "apart")
        self.delegated: dict[str, Delegation] = {}

    def _tld(self, plan: TldPlan) -> Tld:
        ds = {
            child: ds_of(dns.name.from_text(child), self.child_keys[child].ksk)
            for child in plan.children
            if child in self.child_keys
        }
        origin = dns.name.from_text(plan.origin)
        return Tld(plan, origin, make_tld_keys(), world.delegations(plan, ds))

    def _authority(self, name: str, addresses: Sequence[str], zones: list[str]) -> Authority:
        return Authority(self.folder.servers / name, addresses, zones)

    def _standing(self, plan: TldPlan) -> Standing:
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
            standing.write(self.serial)
        for authority in self._authorities():
            authority.start()
        self.fillers.start()
        for authority in self._authorities():
            authority.wait_for_all()

    def _authorities(self) -> list[Authority]:
        ordinary = [one for standing in self.standing.values() for one in standing.authorities]
        return [self.root, self.fixed, self.children, *ordinary]

    def anchor(self) -> str:
        """The DS of the root's KSK: the lab's trust anchor."""
        return f". IN DS {ds_of(ROOT, self.root_zone.keys.ksk)}\n"

    def prepare(self, zones: Iterable[str], name: str, phase: int) -> None:
        """Let TLDs be as they were before the break. Raises BadInput."""
        self._change(self._find(zones), scenario(name, phase), phase, before=True)

    def break_zones(self, zones: Iterable[str], name: str, phase: int) -> None:
        """Let TLDs break. Returns when their servers serve it. Raises BadInput."""
        self._change(self._find(zones), scenario(name, phase), phase)

    def heal_zones(self, zones: Iterable[str]) -> None:
        """Put TLDs right. Returns when their servers serve it. Raises BadInput."""
        self._change(self._find(zones), HEALTHY, 1)

    def _find(self, zones: Iterable[str]) -> list[Standing]:
        return [self._find_one(zone_name(zone)) for zone in zones]

    def _find_one(self, name: str) -> Standing:
        plan = self.fillers.plans.get(name)
        if plan is not None and not plan.secure:
            raise BadInput(f"{name} is insecure: there is nothing to break")
        if plan is not None and name not in self.standing:
            self.standing[name] = self.fillers.standing(name)
        if name not in self.standing:
            more = f" and {len(self.fillers.plans)} fillers" if self.fillers.plans else ""
            known = ", ".join(plan.origin for plan in ORDINARY) + more
            raise BadInput(f"{name} cannot be broken; the lab's ordinary zones are {known}")
        return self.standing[name]

    def _change(
        self, changed: list[Standing], found: Scenario, phase: int, *, before: bool = False
    ) -> None:
        for standing in changed:
            standing.scenario, standing.phase, standing.before = found, phase, before
            standing.since = time.time()
        self._publish(changed)
        self.apart.serve(self.standing.values(), self.serial)
        self._publish_root()

    def _publish(self, changed: Sequence[Standing]) -> None:
        self.serial += 1
        for standing in changed:
            standing.due = time.monotonic() + standing.scenario.every
            standing.write(self.serial)
        for authority in {one for standing in changed for one in standing.authorities}:
            authority.reload()
        for standing in changed:
            standing.wait()

    def _publish_root(self) -> None:
        """Nothing when the root says what it said."""
        if self._delegations() != self.delegated:
            self._write_root()
            self.root.reload()
            for server in world.ROOT_SERVERS:
                self.root.wait(".", server.address)

    def tick(self) -> None:
        """Publish a new serial where a scenario wants one by now."""
        for standing in self.standing.values():
            if standing.scenario.every and time.monotonic() >= standing.due:
                self._publish([standing])

    def seconds_to_tick(self) -> float:
        """How long until `tick` has something to do; a minute at most."""
        due = [s.due - time.monotonic() for s in self.standing.values() if s.scenario.every]
        return min(60.0, max(0.01, min(due, default=60.0)))

    def _delegations(self) -> dict[str, Delegation]:
        fixed = {
            plan.origin: Delegation(
                self.tlds[plan.origin].origin,
                plan.servers,
                published_ds(self.tlds[plan.origin], 1),
            )
            for plan in (ORG, BAD)
        }
        standing = {origin: one.delegation() for origin, one in self.standing.items()}
        return {**self.fillers.delegations, **fixed, **standing}

    def _write_root(self) -> None:
        self.delegated = self._delegations()
        zone = self.root_zone.zone(self.delegated.values(), self.serial, int(time.time()))
        self.root.write({".": zone})

    def _write_fixed(self) -> None:
        good, bad = self.tlds[ORG.origin], self.tlds[BAD.origin]
        self.fixed.write(
            {
                ORG.origin: self._signed(good, good.keys.zsk),
                # Every signature but the one over the DNSKEY RRset is by a key of the right
                # tag that is not published: SERVFAIL, and NOERROR with CD.
                BAD.origin: self._signed(bad, bad.keys.rivals[0]),
            }
        )

    def _signed(self, tld: Tld, zsk: Key) -> Zone:
        keys = tld.keys
        zone = world.with_nsec3(tld, world.tld_data(tld, self.serial), keys.ksk, keys.zsk)
        return sign(tld.origin, zone, world.fresh(int(time.time())), by_type(keys.ksk, zsk))

    def _write_children(self) -> None:
        zones, window = {}, world.fresh(int(time.time()))
        for child in self.children.serials:
            keys = self.child_keys.get(child)
            zones[child] = (
                world.signed_child(child, keys, self.serial, window)
                if keys
                else world.child_zone(child, self.serial)
            )
        self.children.write(zones)
