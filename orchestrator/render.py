"""Templates into text: the only importer of jinja2."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

_PACKAGED = Path(__file__).parent / "_templates"
_CHECKOUT = Path(__file__).parents[1] / "templates"


def render(template: str, **values: Any) -> str:
    """Render a template by its path under templates/; an unset variable is an error."""
    return _environment().get_template(template).render(**values)


def text(path: str) -> str:
    """The text of a template file that is plain text, e.g. shell."""
    return (_folder() / path).read_text()


def _folder() -> Path:
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_folder()),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - shell and configuration, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
