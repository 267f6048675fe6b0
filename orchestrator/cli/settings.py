"""Where options have their defaults from: NTACTL_* in the environment, then ntactl.toml.

In the file, a key at the top holds for every verb that has the option, a table for one verb:

    inventory = "fleet.yaml"      # paths start at the file's own folder

    [check]
    timeout = 3

    [lab.up]
    root-size = 200
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.core import TyperGroup, TyperOption

from orchestrator.errors import BadFile, cut
from orchestrator.given import given_text

FILE = "ntactl.toml"
_MOST = 1 << 20  # bytes


def name_variables(command: Any) -> None:
    """Give every option below `command` its variable: NTACTL_ROOT_HINTS for --root-hints."""
    for option in _options(command):
        if option.envvar is None:
            option.envvar = "NTACTL_" + _key(option).upper().replace("-", "_")
            option.show_envvar = False


def from_file(command: Any) -> dict[str, Any]:
    """Give the defaults that the first ntactl.toml found holds, by verb. Raises BadFile."""
    path = _find()
    if path is None:
        return {}
    table = _read(path)
    _refuse_unknown(command, table, path)
    return _defaults(command, table, {}, path.parent)


def _find() -> Path | None:
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    places = (Path(), config / "ntactl", Path("/etc/ntactl"))
    return next((place / FILE for place in places if (place / FILE).is_file()), None)


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(given_text(path, _MOST))
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"at line (\d+)", str(error))
        line = int(at[1]) if at else None
        raise BadFile(f"is not TOML: {cut(error)}", file=str(path), line=line) from error


def _refuse_unknown(command: Any, table: dict[str, Any], path: Path, place: str = "") -> None:
    known = {_key(option) for option in _options(command)}
    verbs = command.commands if isinstance(command, TyperGroup) else {}
    for key, value in table.items():
        here = f"{place}{key}"
        if isinstance(value, dict) and key in verbs:
            _refuse_unknown(verbs[key], value, path, f"{here}.")
        elif isinstance(value, dict):
            raise BadFile("is no verb", file=str(path), field=here)
        elif key.replace("_", "-") not in known:
            raise BadFile("no verb has this option", file=str(path), field=here)


def _defaults(
    command: Any, table: dict[str, Any], above: dict[str, Any], folder: Path
) -> dict[str, Any]:
    own = {k.replace("_", "-"): v for k, v in table.items() if not isinstance(v, dict)}
    said = {**above, **own}
    if isinstance(command, TyperGroup):
        verbs = command.commands.items()
        return {name: _defaults(verb, table.get(name, {}), said, folder) for name, verb in verbs}
    options = {_key(option): option for option in _options(command)}
    return {
        str(options[key].name): _value(options[key], value, folder)
        for key, value in said.items()
        if key in options
    }


def _value(option: TyperOption, value: Any, folder: Path) -> Any:
    if option.type_descriptor.is_path and isinstance(value, str):
        return str(folder / Path(value).expanduser())
    return value


def _options(command: Any) -> Iterator[TyperOption]:
    for parameter in command.params:
        if isinstance(parameter, TyperOption) and parameter.name not in ("help", "_version"):
            yield parameter
    if isinstance(command, TyperGroup):
        for verb in command.commands.values():
            yield from _options(verb)


def _key(option: TyperOption) -> str:
    """The option's long name without its dashes."""
    return max(option.opts, key=len).lstrip("-")
