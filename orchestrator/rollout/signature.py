"""A person's yes, signed with their SSH key, so that it can be told from a forgery.

The format is OpenSSH's (ssh-keygen(1), -Y sign; PROTOCOL.sshsig); whose signatures count is said in
an allowed-signers file (ssh-keygen(1), ALLOWED SIGNERS). The key may live in ssh-agent.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from orchestrator.errors import NtactlError
from orchestrator.rollout.plan import Approval, Plan

NAMESPACE = "ntactl"  # what was signed for another purpose is no approval
PATIENCE = 120  # seconds for a passphrase or a touch


def signed(approval: Approval, key: Path) -> Approval:
    """The approval with its signature by `key` (private, or public with the agent).

    Raises NtactlError.
    """
    done = _keygen(["sign", "-f", str(key)], _payload(approval))
    if done.returncode:
        raise NtactlError(
            f"cannot sign with {key}: {_last(done.stderr)}",
            state="the plan is not approved",
            next_step="--key FILE (or NTACTL_KEY); ssh-add FILE for a key with a passphrase",
        )
    return approval.model_copy(update={"signature": done.stdout.decode()})


def unproven(plan: Plan, allowed: Path) -> dict[str, str]:
    """Approvals that do not count: by whom, and why. Raises NtactlError without `allowed`."""
    if not allowed.is_file():
        raise NtactlError(
            "there is no such file of allowed signers",
            where=str(allowed),
            state="nothing was changed",
            next_step="approvals.allowed_signers in the playbook, or --allowed-signers FILE",
        )
    found = ((approval.by, _fault(approval, allowed)) for approval in plan.approvals)
    return {by: fault for by, fault in found if fault}


def without(plan: Plan, people: Sequence[str]) -> Plan:
    """The plan without the approvals of some people."""
    kept = tuple(approval for approval in plan.approvals if approval.by not in people)
    return plan.model_copy(update={"approvals": kept})


def _fault(approval: Approval, allowed: Path) -> str:
    if not approval.signature:
        return "it is not signed"
    with tempfile.NamedTemporaryFile("w", prefix="ntactl-", suffix=".sig") as file:
        file.write(approval.signature)
        file.flush()
        who = ["-f", str(allowed), "-I", approval.by, "-s", file.name]
        done = _keygen(["verify", *who], _payload(approval))
    return _last(done.stdout or done.stderr) if done.returncode else ""


def _payload(approval: Approval) -> bytes:
    """All that the person said, so that no word of it can be changed."""
    said = approval.model_dump(mode="json", exclude={"signature"})
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def _keygen(argv: Sequence[str], text: bytes) -> subprocess.CompletedProcess[bytes]:
    action, *more = argv
    command = ["ssh-keygen", "-Y", action, "-n", NAMESPACE, *more]
    try:
        return subprocess.run(
            command, input=text, capture_output=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NtactlError(
            f"ssh-keygen cannot be run: {error}", next_step="apt-get install openssh-client"
        ) from error


def _last(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "ssh-keygen said nothing"
