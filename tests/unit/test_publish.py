"""The public list: what it tells, what it never tells, and its three forms."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import jsonschema

from orchestrator.incident.lifecycle import HostRecord, OnHost, Record
from orchestrator.report.publish import Published, html, json_text, published, text

NOW = datetime(2026, 5, 6, 12, tzinfo=UTC)


def record(zone: str, *, state: OnHost = OnHost.APPLIED, ended: bool = False) -> Record:
    start = NOW - timedelta(hours=2)
    return Record(
        id=f"{zone.strip('.')}-1",
        zone=zone,
        plan="1",
        starts_at=start,
        ends_at=start + timedelta(hours=4),
        reason="<b>ZSK</b> & roll\nsee the registry's page",
        ticket="INC-4711",
        created_by="alice@noc",
        approved_by=("bob",),
        hosts={"resolver-7.internal": HostRecord(state=state)},
        ended_at=NOW - timedelta(minutes=5) if ended else None,
    )


LISTED = published(
    [
        record("al.", state=OnHost.REVERTED, ended=True),
        record("de."),
        record("fj.", state=OnHost.PLANNED),
        record("zm.", state=OnHost.UNDONE, ended=True),
    ],
    NOW,
)


def test_what_stands_comes_first_and_what_reached_no_host_is_nobodys_business() -> None:
    assert [(nta.zone, nta.ended_at is None) for nta in LISTED.ntas] == [
        ("de.", True),
        ("al.", False),
    ]


def test_the_json_is_what_its_schema_says() -> None:
    shown = json.loads(json_text(LISTED))
    jsonschema.validate(shown, Published.model_json_schema())
    assert shown["schema"] == "ntactl/ntas/1"
    assert shown["ntas"][1]["ended_at"] == "2026-05-06T11:55:00Z"


def test_no_form_names_people_tickets_or_hosts() -> None:
    for form in (json_text, html, text):
        shown = form(LISTED)
        assert "de." in shown
        assert not [word for word in ("alice", "bob", "INC-4711", "internal") if word in shown]


class Page(HTMLParser):
    """The text of a page, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") or name == "src" for name, _ in attrs)
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_needs_no_script_and_shows_a_reason_as_it_was_written() -> None:
    page = Page()
    page.feed(html(LISTED))
    assert "script" not in page.tags
    assert page.tags.count("table") == 2
    assert "<b>ZSK</b> & roll" in page.words


def test_an_empty_list_says_so() -> None:
    none = published([], NOW)
    assert text(none).count("none") == 2
    assert html(none).count("None.") == 2
    jsonschema.validate(json.loads(json_text(none)), Published.model_json_schema())
