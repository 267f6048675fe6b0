"""A plan taken up again on a person's word: hosts that failed or were left alone, and are mended.

Hosts that have it are left in peace, and nothing is taken back but a host that was just brought in
and does not verify: whoever resumes risks no host that is healed.
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.incident.lifecycle import OnHost
from orchestrator.rollout.apply import Report, carry_out, ended, named, records_of, stopped
from orchestrator.rollout.bring_in import Left, bring_in
from orchestrator.rollout.means import Means
from orchestrator.rollout.plan import Plan


def resume(means: Means, plan: Plan) -> Report:
    """Finish what was interrupted, as `carry_out` does; then bring in every host that lacks it.

    The caller has passed the gate and holds the lock.
    """
    if any(record.outcome not in {"done", "pending"} for record in records_of(means, plan)):
        report = carry_out(means, plan)
        if report.ending != "pending":
            return report
    left: Left = {}
    for record in records_of(means, plan):
        names = [n for n, host in record.hosts.items() if host.state is not OnHost.APPLIED]
        means.say(f"{record.id}: {f'bringing in {named(names)}' if names else 'every host has it'}")
        if names and not means.stopping():
            left |= bring_in(means, plan, record, names)
    if means.stopping():
        return stopped(means, plan, "ntactl apply PLAN --resume")
    report = ended(means, plan, "")
    told = {name: (report.hosts[name][0], *why) for name, why in left.items()}
    return replace(report, hosts=report.hosts | told)
