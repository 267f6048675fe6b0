"""Somebody who may say yes to plans on the lab: a key of their own, and the file that names it."""

from __future__ import annotations

from orchestrator.lab.folder import Folder
from orchestrator.lab.hosts import make_ssh_key


def make_approver(folder: Folder) -> None:
    """Make the key; it may sign as anybody, since on a lab one person plays all parts."""
    make_ssh_key(folder.approver, "approver")
    public = folder.approver.with_suffix(".pub").read_text()
    folder.allowed_signers.write_text(f'* namespaces="ntactl" {public}')
