"""The last resort: validation off, as an NTA for the root. Pure; docs/decisions/0016."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from orchestrator.errors import Refused
from orchestrator.model import State, Verdict
from orchestrator.names import length_text

LONGEST = timedelta(hours=2)
PEOPLE = 2  # whose approvals it takes, whatever the playbook says
COMMAND = "ntactl plan . --mode override"
_SOUND = frozenset({State.SECURE, State.INSECURE})


def overrides(mode: str, zones: Collection[str]) -> bool:
    """Does it switch validation off? `--mode override` for any other zone is a preview."""
    return mode == "override" and "." in zones


def check_lifetime(lifetime: timedelta) -> None:
    """An override is short. Raises Refused."""
    if lifetime > LONGEST:
        raise Refused(
            "lifetime",
            f"validation is off for 2h at most, not for {length_text(lifetime)}",
            next_step="--for 2h, and renew when it is needed",
        )


def sentence(hosts: int) -> str:
    """What a person types before it is carried out."""
    return f"validation off on {hosts} host{'' if hosts == 1 else 's'}"


def check_confirmed(typed: str, hosts: int) -> None:
    """Was it typed as it has to be? Raises Refused."""
    if " ".join(typed.split()) != sentence(hosts):
        raise Refused(
            "override-unconfirmed",
            "an override goes on only with its own sentence; --yes does not stand in for it",
            next_step=f'--confirm "{sentence(hosts)}"',
        )


def objections(verdicts: Sequence[Verdict], failing: int, hosts: int) -> list[Refused]:
    """Why neither the root nor the resolvers' own anchors seem broken; a person may know better.

    `failing` of the `hosts` that it would change fail names that are sound.
    """
    if not any(verdict.state in _SOUND for verdict in verdicts) or failing == hosts:
        return []
    what = (
        f"the root is {verdicts[0].state.value}, and {hosts - failing} of {hosts} resolvers "
        "validate: switching validation off would take more than it gives"
    )
    step = "ntactl check . -i INVENTORY; or accept it: --accept verdict"
    return [Refused("verdict", what, next_step=step)]


def warnings(verdicts: Sequence[Verdict]) -> list[str]:
    """What a reviewer should weigh."""
    sound = [verdict for verdict in verdicts if verdict.state in _SOUND]
    return [
        "VALIDATION IS OFF while it stands: forged answers of every zone are passed on",
        f"it takes the approvals of {PEOPLE} people, and at apply a sentence that is typed",
        "while it stands no other NTA can be verified: the controls do not validate either",
        *(
            f"the root is {verdict.state.value}: apply will refuse this plan without "
            "--accept verdict, unless every resolver in it fails names that are sound"
            for verdict in sound
        ),
    ]
