"""What was decided, done: canaries, waves, the way back, and people told."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.incident.journal import Kind
from orchestrator.incident.lifecycle import Record
from orchestrator.rollout.asking import UNVERIFIED, not_recovered, not_validating
from orchestrator.rollout.bring_in import bring_in, give_back
from orchestrator.rollout.means import Means
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.take_out import about, again, canaries, event, finish, take_out
from orchestrator.watch.step import Act, Decision, Seen


def act(means: Means, plan: Plan, record: Record, decision: Decision, seen: Seen) -> str:
    """Do what was decided; gives the sentence that says how it went."""
    match decision.act:
        case Act.WAIT:
            return decision.sentence
        case Act.EXPIRE:
            return _all_out(means, plan, record, decision, "expired")
        case Act.TAKE_OUT:
            return _taken_out(means, plan, record, decision, secure=seen.secure)
        case Act.REVERT_CANARY:
            return _canary_out(means, plan, record, decision)
        case Act.RETURN_CANARY:
            left = _put_back(means, plan, record, decision.sentence, decision.hosts)
            return decision.sentence + _without(left)
        case Act.BRING_IN:
            left = bring_in(means, plan, record, decision.hosts)
            _tell_brought(means, plan, record, decision, left)
            return decision.sentence + _without(left)


def _without(left: dict[str, tuple[str, str]]) -> str:
    return "".join(f"; {name} stays without: {rule}" for name, (rule, _) in left.items())


def _tell_brought(
    means: Means,
    plan: Plan,
    record: Record,
    decision: Decision,
    left: dict[str, tuple[str, str]],
) -> None:
    brought = [name for name in decision.hosts if name not in left]
    if brought:
        means.tell(plan.playbook.notify, "reasserted", **about(record), hosts=brought)
    for name, (rule, message) in left.items():
        if rule == UNVERIFIED:
            what = f"unverified-{name}"
            tell_once(means, plan, record, what, "person-needed", host=name, why=message)


def _all_out(means: Means, plan: Plan, record: Record, decision: Decision, why: str) -> str:
    """Everywhere at once: it has to go, whatever resolvers then answer."""
    take_out(means, plan, record, decision.hosts, stage="rest", why=why)
    return _ended(means, plan, record, decision, why)


def _ended(means: Means, plan: Plan, record: Record, decision: Decision, why: str) -> str:
    if finish(means, plan, record, why):
        return f"{decision.sentence}; it is gone from every host"
    left = again(means, record).holding()
    return f"{decision.sentence}; not confirmed yet by {', '.join(left)}: their guards lift it"


def _taken_out(
    means: Means, plan: Plan, record: Record, decision: Decision, *, secure: bool
) -> str:
    """Wave by wave, each asked whether it validates again before the next one goes."""
    if record.taking_back:
        return _all_out(means, plan, record, decision, "taken-back")
    why = "recovered" if record.canaries else "reverted"
    for wave in _waves(plan, decision.hosts):
        take_out(means, plan, record, wave, stage="rest", why=why)
        out = [plan.planned(n).host for n in wave if n in again(means, record).reverted()]
        if why == "recovered":
            trouble = not_recovered(means, plan, out, record.zone, secure=secure)
        else:
            trouble = not_validating(means, plan, out)
        if trouble:
            return _stop(means, plan, record, trouble, give=why == "recovered")
    return _ended(means, plan, record, decision, why)


def _waves(plan: Plan, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Names in the plan's waves; hosts that came in later go last."""
    planned = [tuple(name for name in wave if name in names) for wave in plan.waves]
    late = tuple(name for name in names if not any(name in wave for wave in planned))
    return [wave for wave in (*planned, late) if wave]


def _stop(means: Means, plan: Plan, record: Record, trouble: dict[str, str], *, give: bool) -> str:
    """Hosts do not validate without it: no further one is touched, and a person is told."""
    said = "; ".join(f"{name}: {why}" for name, why in trouble.items())
    if give:
        sentence = f"stopped, the NTA returns there: {said}"
        return sentence + _without(_put_back(means, plan, record, sentence, tuple(trouble)))
    means.journal.append(event(means, record, Kind.REVERT_STOPPED, {"why": said}))
    means.tell(plan.playbook.notify, "person-needed", **about(record), why=said)
    return f"stopped: {said}"


def _canary_out(means: Means, plan: Plan, record: Record, decision: Decision) -> str:
    names = canaries(plan, decision.hosts)
    results = take_out(means, plan, record, names, stage="canary", why=decision.sentence)
    out = [name for name, result in results.items() if result.outcome == "reverted"]
    failed = [n for n, r in results.items() if r.outcome not in {"reverted", "unreachable"}]
    if failed or not out:
        why = f"canary {', '.join(failed or names)} could not be reverted"
        _put_back(means, plan, record, why, tuple(out))
        return f"{decision.sentence}; but {why}"
    return f"{decision.sentence}: {', '.join(out)}"


def _put_back(
    means: Means, plan: Plan, record: Record, why: str, names: tuple[str, ...]
) -> dict[str, tuple[str, str]]:
    """The NTA returns there, within the approved end, and the operator is told."""
    record = again(means, record)
    out = [name for name in names if name in record.reverted()]
    data = {"why": why, "hosts": out}
    means.journal.append(event(means, record, Kind.CANARY_RETURNED, data))
    left = give_back(means, plan, record, out)
    means.tell(plan.playbook.notify, "canary-failed", **about(record), why=why, hosts=out)
    return left


def tell_once(
    means: Means, plan: Plan, record: Record, what: str, kind: str, **more: object
) -> None:
    """Tell people, unless the journal says that they were told."""
    if what in record.told:
        return
    means.journal.append(event(means, record, Kind.TOLD, {"what": what}))
    means.tell(plan.playbook.notify, kind, **about(record), **more)
