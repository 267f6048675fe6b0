"""The commands that mend: what they do to real files, whatever these hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from orchestrator.engines import engine
from orchestrator.engines.mend import commands, edits, named, substituted
from orchestrator.engines.weak import Facts, Line
from orchestrator.fleet.inventory import Host


def a_host(name: str) -> Host:
    where = {"name": "r1", "address": "192.0.2.1", "dns": "192.0.2.1"}
    return Host.model_validate({**where, "engine": name})


def lines_of(file: Path) -> tuple[Line, ...]:
    """As a host tells them: blanks for tabs."""
    texts = file.read_text().split("\n")
    return tuple(Line(str(file), n, text.replace("\t", " ")) for n, text in enumerate(texts, 1))


def run(*mend: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", " && ".join(mend)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


Case = tuple[str, str, str, str, str | None]
# engine, whether an NTA or an anchor, of which zone, the line before, and after (None: by hand)
LINES: list[Case] = [
    ("unbound", "nta", "de.", "  domain-insecure: 'DE.' # by hand", "   # by hand"),
    ("unbound", "nta", "de.", 'server: domain-insecure: "de" do-ip6: no', "server:  do-ip6: no"),
    ("unbound", "anchor", "de.", 'trust-anchor: "de. DS 1 8 2 AA" ede: yes', " ede: yes"),
    (
        "bind",
        "nta",
        "de.",
        'validate-except { "fj"; de; "dev"; };',
        'validate-except { "fj";  "dev"; };',
    ),
    ("bind", "nta", "de.", "/* x */ validate-except { de; };", None),
    (
        "bind",
        "anchor",
        "corp.",
        'emea.corp. static-ds 1 8 2 "AA//"; corp static-ds 1 8 2 "BB";',
        'emea.corp. static-ds 1 8 2 "AA//"; ',
    ),
    (
        "pdns",
        "nta",
        "de.",
        'addNTA("dev.example", "x") addNTA("de", "broken (since May)")',
        'addNTA("dev.example", "x") ',
    ),
    (
        "pdns",
        "anchor",
        "corp.",
        'addTA("corporate.example", "1") addTA("corp.", "63149 13 2 AA")',
        'addTA("corporate.example", "1") ',
    ),
    (
        "knot",
        "nta",
        "de.",
        "trust_anchors.set_insecure({ 'fj.', 'de.', 'dev.' })",
        "trust_anchors.set_insecure({ 'fj.', 'dev.' })",
    ),
    (
        "knot",
        "anchor",
        "corp.",
        "trust_anchors.add('corp. DS 1') trust_anchors.add('lab. DS 3')",
        " trust_anchors.add('lab. DS 3')",
    ),
]


@pytest.mark.parametrize("case", LINES)
def test_one_zone_is_taken_out_of_a_line_and_nothing_else(tmp_path: Path, case: Case) -> None:
    name, what, zone, before, after = case
    file = tmp_path / "it's a file.conf"
    file.write_text(f"first\n{before}\nlast\n")
    told, the_engine = Facts(lines=lines_of(file)), engine(name)
    way = the_engine.unset_commands if what == "nta" else the_engine.anchor_commands
    mend = way(a_host(name), told, zone)
    if after is None:
        assert mend == ()
        return
    done = run(mend[0])
    assert done.returncode == 0, done.stderr
    assert file.read_text() == f"first\n{after}\nlast\n"


def test_several_lines_are_changed_at_once_and_none_moves(tmp_path: Path) -> None:
    file = tmp_path / "kresd.conf"
    adds = ["add('corp. DS 1')", "add('corp. DS 2')", "add('lab. DS 3')"]
    file.write_text("".join(f"trust_anchors.{add}\n" for add in adds))
    mend = engine("knot").anchor_commands(a_host("knot"), Facts(lines=lines_of(file)), "corp.")
    assert run(mend[0]).returncode == 0
    assert file.read_text() == "\n\ntrust_anchors.add('lab. DS 3')\n"


_SECTIONS = "logging:\n  dnstap:\n    enable: false\ndnssec:\n"
YAML = (
    ("nta", "  negative-trust-anchors: [Fj]", "  negative-trust-anchors: "),
    (
        "nta",
        "  negative-trust-anchors: [ 'fj.', de ] # why",
        "  negative-trust-anchors: [ de ] # why",
    ),
    ("nta", "  negative-trust-anchors: [de, fj]", "  negative-trust-anchors: [de,]"),
    (
        "nta",
        "  negative-trust-anchors:\n    - fj\n    - x.fj",
        "  negative-trust-anchors:\n\n    - x.fj",
    ),
    ("nta", "  negative-trust-anchors:\n  # these:\n    - fj", None),
    ("nta", "  negative-trust-anchors: [xfj, fj.x]", None),
    ("anchor", "  trust-anchors: ['fj. DS 1', 'de DS 2']", "  trust-anchors: [ 'de DS 2']"),
    ("anchor", "  trust-anchors:\n    - FJ IN DS 1", "  trust-anchors:\n"),
    ("off", "  enable: false", "  enable: true"),
    (
        "off",
        "  log-bogus: true\n  enable: no # for now",
        "  log-bogus: true\n  enable: true # for now",
    ),
    ("local", "options: { query-loopback: true }", "options: { query-loopback: false }"),
)


@pytest.mark.parametrize("case", YAML)
def test_yaml_of_knot_is_mended_checked_and_loaded(
    tmp_path: Path, case: tuple[str, str, str | None]
) -> None:
    what, before, after = case
    file, the_engine, host = tmp_path / "config.yaml", engine("knot"), a_host("knot")
    file.write_text(f"{_SECTIONS}{before}\nlast: 1\n")
    tags = ((".", "none"),) if what == "off" else ((".", "20326"),)
    told = Facts(lines=lines_of(file), tags=tags, files={str(file): 1})
    found = (weakness.mend for weakness in the_engine.weaknesses(host, told))
    ways = {"nta": the_engine.unset_commands, "anchor": the_engine.anchor_commands}
    mend = ways[what](host, told, "fj.") if what in ways else next(found)
    if after is None:
        assert mend == ()
        return
    done = run(mend[0])
    assert done.returncode == 0, done.stderr
    assert file.read_text() == f"{_SECTIONS}{after}\nlast: 1\n"
    assert mend[1].startswith(f"{{ kresctl validate {file} > /dev/null || {{ cp ")
    assert f"kresctl -c {file} reload --force" in mend


def test_a_file_that_has_changed_is_left_alone_and_said(tmp_path: Path) -> None:
    file = tmp_path / "x.conf"
    file.write_text("ede: no\n")
    mend = commands(edits(lines_of(file)[:1], substituted("no", "yes", "#")))
    file.write_text("# a line more\nede: no\n")
    done = run(*mend)
    assert done.returncode != 0
    assert "has changed: audit it again" in done.stderr
    assert file.read_text() == "# a line more\nede: no\n"


def test_where_the_checker_fails_all_files_are_as_before(tmp_path: Path) -> None:
    files = [tmp_path / "a.conf", tmp_path / "b.conf"]
    for file in files:
        file.write_text("\tede: no\n")
    lines = [lines_of(file)[0] for file in files]
    made = edits(lines, substituted("no", "yes", "#"))
    assert run(*commands(made, "false")).returncode != 0
    assert [file.read_text() for file in files] == ["\tede: no\n"] * 2
    assert run(*commands(made, "true")).returncode == 0
    assert [file.read_text() for file in files] == [" ede: yes\n"] * 2
    assert sorted(tmp_path.iterdir()) == files


def test_a_link_stays_one_and_a_mode_too(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link.conf"
    real.write_text("ede: no & \\1 / 100%\n")
    real.chmod(0o640)
    link.symlink_to(real)
    assert (
        run(*commands(edits(lines_of(link)[:1], substituted("no", "yes", "#")), "true")).returncode
        == 0
    )
    assert link.is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == ("ede: yes & \\1 / 100%\n", 0o640)


def test_a_comment_is_no_statement() -> None:
    change = substituted(named("de."), "", "--")
    assert change("x -- de.") == "x -- de."
    assert change("'a--b' de -- de") == "'a--b'  -- de"
