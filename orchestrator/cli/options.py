"""The options that several verbs share, and the places they point to when nothing is said."""

from __future__ import annotations

import getpass
import os
import platform
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.errors import BadInput

LARGEST_SKEW = 2**31 - 1  # more, and a signature's time has no before and after (RFC 4034 3.1.5)


def _typed(
    context: typer.Context, option: typer.CallbackParam, rules: list[str] | None
) -> list[str] | None:
    """A standing acceptance would be a --force, and nobody would have accepted anything."""
    source = context.get_parameter_source(str(option.name))
    if rules and source is not None and source.name != "COMMANDLINE":
        raise BadInput(
            "--accept is typed, for one plan: the environment and ntactl.toml cannot hold it",
            next_step="take it out there",
        )
    return rules


def _said_anew(context: typer.Context, option: typer.CallbackParam, text: str | None) -> str | None:
    """A sentence that is always there would confirm nothing."""
    source = context.get_parameter_source(str(option.name))
    if text is not None and source is not None and source.name != "COMMANDLINE":
        raise BadInput(
            "--confirm is typed, for one plan: the environment and ntactl.toml cannot hold it",
            next_step="take it out there",
        )
    return text


Confirm = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="SENTENCE",
        callback=_said_anew,
        help='Of an override alone: "validation off on N hosts".',
    ),
]
Accept = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        metavar="RULE",
        callback=_typed,
        help="Go on though this one rule refuses; recorded with your name.",
    ),
]
Events = Annotated[
    Path | None,
    typer.Option("--events", help="Write each event here as it happens, a JSON object a line."),
]
Inventory = Annotated[
    Path | None,
    typer.Option("--inventory", "-i", help="The fleet: a YAML file, or Ansible's inventory."),
]
PlaybookFile = Annotated[Path | None, typer.Option("--playbook", help="Policy, a YAML file.")]
State = Annotated[Path | None, typer.Option("--state", help="Folder of the journal and plans.")]
RootHints = Annotated[Path | None, typer.Option("--root-hints", help="Root hints file.")]
TrustAnchor = Annotated[
    Path | None, typer.Option("--trust-anchor", help="DS or DNSKEY records to start from.")
]
Names = Annotated[
    Path | None, typer.Option("--names", help="Names under the zone to look at, one a line.")
]
Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of the name servers.")]
Policy = Annotated[
    Path | None,
    typer.Option("--policy", help="What counts where validators differ, a YAML file."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Answer prompts with yes; never an approval.")
]
For = Annotated[str | None, typer.Option("--for", help="Lifetime: 90s, 2m, 1h, 1d.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in a line (required).")]
Ticket = Annotated[str, typer.Option("--ticket", help="Ticket to name in the record.")]
By = Annotated[str | None, typer.Option("--by", help="Who you are; default: the login name.")]
Attack = Annotated[
    str | None,
    typer.Option("--attack-considered", help="What speaks for a mistake and not an attack."),
]
Contacted = Annotated[
    str | None,
    typer.Option("--operator-contacted", help="Was the zone's operator contacted, and how."),
]

Key = Annotated[
    Path | None, typer.Option("--key", help="SSH key to sign the approval with; ~/.ssh/id_*.")
]
AllowedSigners = Annotated[
    Path | None,
    typer.Option("--allowed-signers", help="Whose approvals count; default: the playbook's."),
]

Now = Annotated[str | None, typer.Option("--now", help="Judge for this time (RFC 3339).")]
Skew = Annotated[
    float | None,
    typer.Option(
        "--skew", min=0, max=LARGEST_SKEW, help="Seconds of tolerance on signature times."
    ),
]
ROUNDS = typer.Option("--rounds", min=1, max=20, help="How often to look.")
Rounds = Annotated[int | None, ROUNDS]
EVERY = typer.Option("--every", min=0, max=3600, help="Seconds between rounds.")
Every = Annotated[float | None, EVERY]
TIMEOUT = typer.Option("--timeout", min=0.05, max=3600, help="Seconds a question.")
Timeout = Annotated[float | None, TIMEOUT]


def signing_key(key: Path | None) -> Path:
    """The SSH key: as said, else the usual file. Raises BadInput when there is none."""
    if key is not None:
        return key
    home = Path.home() / ".ssh"
    usual = (home / f"id_{kind}" for kind in ("ed25519", "ecdsa", "rsa"))
    found = next((path for path in usual if path.is_file()), None)
    if found is None:
        raise BadInput(
            "no SSH key to sign the approval with", next_step="--key FILE, or NTACTL_KEY"
        )
    return found


def state_folder(state: Path | None) -> Path:
    """The state folder: as said, else the user's (XDG)."""
    if state is not None:
        return state
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "ntactl"


def person(by: str | None) -> str:
    """Who is at the keyboard: as said, else user@host."""
    if by:
        return by
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{platform.node()}"
