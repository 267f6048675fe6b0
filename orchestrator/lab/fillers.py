"""The TLDs that fill a large root: healthy out of the stock, until one is broken."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import dns.name

from orchestrator.lab.authority import Authority
from orchestrator.lab.folder import Folder
from orchestrator.lab.keys import breakable
from orchestrator.lab.root import Delegation
from orchestrator.lab.scenarios.look import published_ds
from orchestrator.lab.standing import Standing
from orchestrator.lab.stock import Stock
from orchestrator.lab.world import Tld, TldPlan


class Fillers:
    """One NSD for the first address of every filler, one for the second, and so on."""

    def __init__(self, folder: Folder, plans: Sequence[TldPlan], stock: Stock) -> None:
        self.plans = {plan.origin: plan for plan in plans}
        self.stock = stock
        self.authorities = tuple(self._authorities(folder))
        self.delegations = {plan.origin: self._delegation(plan) for plan in plans}

    def _authorities(self, folder: Folder) -> list[Authority]:
        made: list[Authority] = []
        for place in count():
            here = [plan for plan in self.plans.values() if len(plan.servers) > place]
            if not here:
                return made
            addresses = dict.fromkeys(plan.servers[place].address for plan in here)
            zones = [plan.origin for plan in here]
            made.append(Authority(folder.servers / f"tlds-{place + 1}", [*addresses], zones))
        return made

    def _delegation(self, plan: TldPlan) -> Delegation:
        origin = dns.name.from_text(plan.origin)
        tld = Tld(plan, origin, self.stock.keys(plan), [])
        return Delegation(origin, plan.servers, published_ds(tld, 1))

    def start(self) -> None:
        """Serve all of them; returns when every server answers."""
        for plan in self.plans.values():
            path, serial = self.stock.zone(plan)
            for authority in self.authorities[: len(plan.servers)]:
                authority.adopt(plan.origin, path, serial)
        for authority in self.authorities:
            authority.start()
        for place, authority in enumerate(self.authorities):
            last = list(authority.serials)[-1]
            authority.wait(last, self.plans[last].servers[place].address)

    def standing(self, origin: str) -> Standing:
        """A filler as a TLD that can be broken."""
        plan = self.plans[origin]
        found = self.stock.tld(plan)
        tld = Tld(plan, found.origin, breakable(found.keys, plan.algorithm), found.delegations)
        return Standing(tld, self.authorities[: len(plan.servers)])
