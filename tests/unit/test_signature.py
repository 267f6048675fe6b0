"""A person's yes, signed by a real ssh-keygen, and every way in which it does not count."""

import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from orchestrator.errors import NtactlError
from orchestrator.fleet.inventory import Host, Inventory
from orchestrator.model import HostReading, Remedy, State, Verdict
from orchestrator.playbook import Controls, Playbook
from orchestrator.rollout.plan import Approval, Plan, Request, make
from orchestrator.rollout.signature import signed, unproven, without

NOW = datetime(2026, 5, 5, 22, 0, tzinfo=UTC)


def key(folder: Path, name: str) -> Path:
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True)
    return path


def allow(folder: Path, **keys: Path) -> Path:
    path = folder / "allowed_signers"
    lines = [
        f'{by} namespaces="ntactl" {k.with_suffix(".pub").read_text()}' for by, k in keys.items()
    ]
    path.write_text("".join(lines))
    return path


def plan(*approvals: Approval) -> Plan:
    address = ip_address("192.0.2.1")
    host = Host(name="h1", address=address, dns=address, engine="bind")
    reading = HostReading(host="h1", at=NOW, engine="bind", state_sha256="0" * 64)
    made = make(
        Request(zones=("de.",), reason="r", lifetime=timedelta(hours=4), created_by="a"),
        plan_id="4f2a91c0",
        now=NOW,
        verdicts=[
            Verdict(
                zone="de.", state=State.BOGUS, remedy=Remedy.NTA,
                at=NOW, rounds=3, duration_ms=9, queries=99,
            )
        ],
        inventory=Inventory(hosts=(host,)),
        playbook=Playbook(name="t", controls=Controls(healthy="org.", bogus="bogus.")),
        readings={"h1": reading},
        faults={},
    )  # fmt: skip
    return made.model_copy(update={"approvals": approvals})


def said(by: str, **more: str) -> Approval:
    return Approval(by=by, at=NOW, digest="0" * 64, **more)


def test_a_good_signature_counts(tmp_path: Path) -> None:
    ann = key(tmp_path, "ann")
    made = plan(signed(said("ann"), ann))
    assert unproven(made, allow(tmp_path, ann=ann)) == {}
    reread = Plan.model_validate_json(made.to_json())
    assert unproven(reread, allow(tmp_path, ann=ann)) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "1" * 64},
        {"attack_considered": "no"},
        {"operator_contacted": "yes, by phone"},
        {"at": NOW + timedelta(seconds=1)},
        {"signature": ""},
        {"signature": "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"},
    ],
)
def test_a_word_changed_afterwards_makes_it_worthless(
    tmp_path: Path, change: dict[str, object]
) -> None:
    ann = key(tmp_path, "ann")
    edited = signed(said("ann"), ann).model_copy(update=change)
    assert set(unproven(plan(edited), allow(tmp_path, ann=ann))) == {"ann"}


def test_nobody_signs_for_somebody_else(tmp_path: Path) -> None:
    ann, bob = key(tmp_path, "ann"), key(tmp_path, "bob")
    forged = signed(said("ann"), bob)
    stranger = signed(said("eve"), key(tmp_path, "eve"))
    allowed = allow(tmp_path, ann=ann, bob=bob)
    assert set(unproven(plan(forged, stranger), allowed)) == {"ann", "eve"}
    assert without(plan(forged, stranger), ["ann"]).approvals == (stranger,)


def test_a_signature_for_another_purpose_is_no_approval(tmp_path: Path) -> None:
    ann = key(tmp_path, "ann")
    path = tmp_path / "allowed_signers"
    path.write_text(f'ann namespaces="git" {ann.with_suffix(".pub").read_text()}')
    assert set(unproven(plan(signed(said("ann"), ann)), path)) == {"ann"}


def test_what_cannot_sign_or_be_checked_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NtactlError, match="cannot sign with"):
        signed(said("ann"), tmp_path / "nothing")
    with pytest.raises(NtactlError, match="allowed signers"):
        unproven(plan(), tmp_path / "nothing")
