"""What the rest of the house may ask of an engine: text only, nothing is carried out here.

The engine's own part of a host's program is shell, templates/ENGINE/engine.sh. It gives the
functions `engine_version`, `_alive`, `_checks`, `_running`, `_keeps`, `_sets`, `_anchors`,
`_remember`, `_add`, `_remove`, `_flush` and `_dropped`, and the variables `engine_tools`,
`engine_places` and, with a drop-in, `engine_lines` (what its lines may be, as a pattern);
templates/ENGINE/count.sh gives `engine_counters`, templates/ENGINE/audit.sh `engine_facts`,
`engine_files` and `engine_words` (the lines that an audit wants to see). templates/host/ calls
nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from orchestrator.engines.weak import Facts, Weakness
from orchestrator.fleet.inventory import Host
from orchestrator.model import Statistics, Zone

Mode = Literal["config", "override"]


class Preview(NamedTuple):
    """What another way than an NTA would change; shown in a plan, never applied."""

    text: str
    commands: tuple[str, ...]
    dangers: tuple[str, ...]


class Engine(Protocol):
    """One resolver software."""

    @property
    def name(self) -> str: ...

    @property
    def shell(self) -> tuple[str, ...]:
        """The files of templates/ that are its part of a host's program, engine.sh last."""

    @property
    def cd_is_sure(self) -> bool:
        """Does a question with CD (RFC 4035 section 3.2.2) resolve whatever is bogus on its way?"""

    def dropin(self, host: Host) -> str:
        """The absolute path of ntactl's own configuration file; "" when it needs none."""

    def header(self) -> str:
        """The lines that ntactl's file begins with, without the final newline."""

    def line(self, nta_id: str, zone: Zone) -> str:
        """The one line of that file that is this NTA, without the newline."""

    def list_command(self, host: Host) -> str:
        """The command that lists the NTAs which stand now."""

    def statistics(self, counted: Sequence[str]) -> Statistics:
        """What the lines of `engine_counters` say. Raises as text does that is not understood."""

    def add_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        """What puts one NTA on and reads it back, as a person would type it."""

    def renew_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        """What gives one NTA a new end in the daemon; the guard is not among it."""

    @property
    def off_rule(self) -> str:
        """What its own weakness is called that stands as an NTA for the root here; "" for none."""

    @property
    def sound_since(self) -> str:
        """The first release that bounds what a validation may cost (CVE-2023-50387)."""

    @property
    def patched(self) -> tuple[str, ...]:
        """Packages of older releases that do, too: the first of each distribution's."""

    def remove_commands(self, host: Host, zone: Zone) -> tuple[str, ...]:
        """What takes an NTA that the daemon alone has out of it, as a person would type it."""

    def unset_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        """What takes one out of the configuration that others wrote, and out of the daemon."""

    def anchor_commands(self, host: Host, told: Facts, zone: Zone) -> tuple[str, ...]:
        """What takes out a zone's own trust anchor; () where no line that was told has it."""

    def weaknesses(self, host: Host, told: Facts) -> Iterator[Weakness]:
        """What in its own configuration weakens validation (`engine_facts` of its audit.sh)."""

    def preview(self, mode: Mode, zones: Sequence[Zone]) -> Preview:
        """The permanent configuration ("config") or the global switch ("override")."""


def with_config(command: str, host: Host, option: str = "-c ") -> str:
    """A command with the host's own configuration file, where the inventory names one."""
    return f"{command} {option}{host.paths.config}" if host.paths.config else command
