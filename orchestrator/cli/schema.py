"""`ntactl schema`: the JSON Schema of the files that people write and programs exchange."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel


class Name(StrEnum):
    """What has a schema."""

    INVENTORY = "inventory"
    PLAYBOOK = "playbook"
    PLAN = "plan"
    VERDICT = "verdict"
    NTAS = "ntas"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(schema)


def schema(name: Annotated[Name, typer.Argument(help="What the schema is of.")]) -> None:
    """Print the JSON Schema of an inventory, a playbook, a plan, a verdict or the public list."""
    import json

    print(json.dumps(_model(name).model_json_schema(), indent=2))


def _model(name: Name) -> type[BaseModel]:
    match name:
        case Name.INVENTORY:
            from orchestrator.fleet.written import InventoryFile

            return InventoryFile
        case Name.PLAYBOOK:
            from orchestrator.playbook import Playbook

            return Playbook
        case Name.PLAN:
            from orchestrator.rollout.plan import Plan

            return Plan
        case Name.VERDICT:
            from orchestrator.model import Verdict

            return Verdict
        case Name.NTAS:
            from orchestrator.report.publish import Published

            return Published
