"""Trust anchors that we cannot use: our own fault, and never a reason to call a zone unsigned."""

from __future__ import annotations

from pathlib import Path

import pytest
from signed_world import AT, KEYS, ROOT, World, world

from orchestrator.chain.judge import judge
from orchestrator.chain.vantage import vantage
from orchestrator.errors import BadFile
from orchestrator.lab.signer import ds_of
from orchestrator.model import Cause, Remedy, State
from orchestrator.report.verdict import exit_code

GOOD = ds_of(ROOT, KEYS[ROOT].ksk)
UNUSABLE = (
    f". IN DS {GOOD.key_tag} 13 3 {'00' * 32}",
    f". IN DS {GOOD.key_tag} 3 2 {'00' * 32}",
    ". IN DNSKEY 257 3 3 AwEAAQ==",
)
KINDS = pytest.mark.parametrize("anchor", UNUSABLE, ids=["digest", "algorithm", "key"])


@KINDS
@pytest.mark.parametrize("zone", [".", "de.", "kid.de."])
def test_an_anchor_of_an_unknown_kind_is_our_fault(anchor: str, zone: str) -> None:
    verdict = judge(World(world().zones, anchor).evidence(zone), AT)
    assert (verdict.state, verdict.findings[0].cause) == (
        State.INDETERMINATE,
        Cause.TRUST_ANCHOR_MISMATCH,
    )
    assert (verdict.remedy, exit_code(verdict)) == (Remedy.ESCALATE, 12)


@KINDS
def test_a_file_of_such_anchors_is_bad_input(tmp_path: Path, anchor: str) -> None:
    path = tmp_path / "anchor"
    path.write_text(anchor + "\n")
    with pytest.raises(BadFile, match="can be checked"):
        vantage(None, path)
    path.write_text(f"{anchor}\n. IN DS {GOOD.to_text()}\n")
    assert len(vantage(None, path).anchors) == 2


def test_the_anchors_in_the_package_can_be_used() -> None:
    assert vantage(None, None).anchors
