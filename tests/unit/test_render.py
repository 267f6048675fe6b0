"""Templates: a forgotten value is an error, never an empty string."""

import jinja2
import pytest

from orchestrator.render import render, text


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        render("unbound/line.j2", zone="de.")


def test_the_cron_entry_ends_its_line_and_names_the_guard() -> None:
    entry = render("host/cron.j2", id="de-1", zone="de.", folder="/var/lib/ntactl")
    assert entry.endswith("* * * * * root /bin/sh /var/lib/ntactl/nta/de-1/guard\n")


def test_text_is_the_file_as_it_is() -> None:
    assert text("host/base.sh").startswith("# shellcheck shell=sh")
