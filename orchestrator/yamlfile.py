"""YAML files into values, with errors that name file, line and field.

PyYAML composes the nodes, which know their lines; values are built here, so that duplicate
keys, aliases and tags of Python objects are refused instead of quietly accepted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.errors import BadFile, NtactlError, cut
from orchestrator.given import given_text

Place = tuple[int | str, ...]
M = TypeVar("M", bound=BaseModel)

_MOST = 16 << 20  # bytes: an inventory of 100,000 hosts
# libyaml where PyYAML was built with it: a fleet of a thousand hosts loads ten times faster.
_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds, and the line (from 1) of every place in it, as ("hosts", 2, "name")."""

    path: Path
    data: Any
    lines: Mapping[Place, int]

    def parse(self, model: type[M]) -> M:
        """Give the document as a `model`. Raises BadFile with every error in it."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            known = set(_field_names(model.model_json_schema()))
            raise self._all_wrong([self._reading(e, known) for e in error.errors()]) from error

    def wrong(self, place: Place, what: str) -> BadFile:
        """Make the error that `what` is wrong at `place`."""
        return self._all_wrong([(place, what)])

    def line(self, place: Place) -> int:
        """Give the line of `place`, or of what it lies in when the file does not have it."""
        return self.lines[self._known_part(place)]

    def _known_part(self, place: Place) -> Place:
        return next(p for n in range(len(place), -1, -1) if (p := place[:n]) in self.lines)

    def _reading(self, error: ErrorDetails, known: set[str]) -> tuple[Place, str]:
        """Place and text of one error; pydantic's own additions to a place are cut off."""
        place: Place = error["loc"]
        missing = error["type"] == "missing"
        return place if missing else self._known_part(place), error_text(error, known)

    def _all_wrong(self, errors: list[tuple[Place, str]]) -> BadFile:
        (place, what), *others = sorted(errors, key=lambda error: self.line(error[0]))
        if others:
            what = f"{what} (the first of {len(errors)} errors)"
        for other, text in others:
            what += f"\n  {self.path}:{self.line(other)}: {field(other)}: {text}"
        return BadFile(what, file=str(self.path), line=self.line(place), field=field(place))


def load(path: Path, model: type[M]) -> M:
    """Read the YAML file at `path` as a `model`. Raises BadFile."""
    return read(path).parse(model)


def read(path: Path) -> Document:
    """Read the YAML file at `path`. Raises BadFile when it is not one YAML document."""
    try:
        root = yaml.compose(given_text(path, _MOST), Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(path, error) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise BadFile(f"is not YAML: {_one_line(error)}", file=str(path)) from error
    if root is None:
        raise BadFile("is empty", file=str(path))
    lines: dict[Place, int] = {}
    return Document(path, _Builder(path, lines).value(root, ()), lines)


def field(place: Place) -> str:
    """Write a place as a person does: hosts[2].address."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


class _Builder:
    """Makes plain values of nodes and notes their lines."""

    def __init__(self, path: Path, lines: dict[Place, int]) -> None:
        self.path = path
        self.lines = lines
        self.seen: set[int] = set()
        self.scalars = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, place: Place) -> Any:
        self.lines.setdefault(place, _line(node))
        if id(node) in self.seen:
            raise self.wrong(place, "is an alias; write it out, or use a group")
        self.seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*place, i)) for i, child in enumerate(node.value)]
        return self.scalar(node, place)

    def mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, child in node.value:
            key, line = key_node.value, _line(key_node)
            if not (isinstance(key_node, yaml.ScalarNode) and key_node.tag.endswith(":str")):
                raise self.wrong(place, f"the key {_shown(key)} must be text: quote it", line)
            here = (*place, key)
            if key in values:
                first = self.lines[here]
                raise self.wrong(here, f"is here twice, first on line {first}", line)
            self.lines[here] = line
            values[key] = self.value(child, here)
        return values

    def scalar(self, node: yaml.Node, place: Place) -> Any:
        try:
            return self.scalars.construct_object(node)
        except (ValueError, yaml.YAMLError) as error:
            raise self.wrong(place, f"cannot be read: {_one_line(error)}") from error

    def wrong(self, place: Place, what: str, line: int | None = None) -> BadFile:
        line = line or self.lines[place]
        return BadFile(what, file=str(self.path), line=line, field=field(place))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _one_line(error: Exception) -> str:
    return cut(" ".join(str(error).split()))


def _not_yaml(path: Path, error: yaml.MarkedYAMLError) -> BadFile:
    mark, start = error.problem_mark or error.context_mark, error.context_mark
    what = f"is not YAML: {error.problem or error.context}"
    if mark and start and start.line != mark.line:  # where a bracket or quote was opened
        what += f", {error.context} that begins on line {start.line + 1}"
    return BadFile(what, file=str(path), line=None if mark is None else mark.line + 1)


def error_text(error: ErrorDetails, known: Collection[str] = ()) -> str:
    """Say one of pydantic's errors in the reader's words."""
    value, context = error["input"], error.get("ctx", {})
    last = str(error["loc"][-1]) if error["loc"] else "file"
    match error["type"]:
        case "missing":
            text = "is missing"
        case "extra_forbidden":
            near = get_close_matches(last, known, n=1)
            text = "unknown field" + (f", did you mean {near[0]!r}?" if near else "")
        case "value_error":
            text = _cause(context["error"])
        case "literal_error":
            text = f"unknown {last} {_shown(value)}, known: {context['expected']}"
        case "model_type" | "dict_type":
            text = f"must be a mapping of fields, not {_shown(value)}"
        case "tuple_type":
            text = f"must be a list, not {_shown(value)}"
        case "string_type":
            text = f"must be text, not {_shown(value)}: put it in quotes"
        case _:
            text = f"{error['msg'][:1].lower()}{error['msg'][1:]}, not {_shown(value)}"
    return text


def _cause(error: Exception) -> str:
    if isinstance(error, NtactlError) and error.next_step:
        return f"{error.what}; {error.next_step}"
    return str(error)


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _field_names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _field_names(part)
