"""What the documentation says exists: commands parse, links lead somewhere, lists are complete."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from typer.core import TyperGroup, TyperOption

from orchestrator import cli, errors
from orchestrator.cli import settings
from orchestrator.model import Cause, Remedy, State, Verdict
from orchestrator.notify import Kind
from orchestrator.rollout.apply import EXIT_CODES

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
REFERENCE = ROOT / "docs" / "reference"


def commands(page: Path) -> Iterator[str]:
    """The lines of a page's fenced blocks that a reader would type."""
    for block in re.findall(r"```(?:sh)?\n(.*?)```", page.read_text(), re.DOTALL):
        yield from (line.strip() for line in block.splitlines() if line.startswith("ntactl "))


TYPED = sorted({line for page in PAGES for line in commands(page)})


def parse(words: list[str]) -> None:
    """Let the real command line read `words`, without running a verb."""
    command: Any = cli.command()
    context, name = None, "ntactl"
    while True:
        context = command.make_context(name, words, parent=context)
        if not isinstance(command, TyperGroup):
            return
        name, command, words = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )


def verbs(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for sub, verb in command.commands.items():
        if isinstance(verb, TyperGroup):
            yield from verbs(verb, f"{name}{sub} ")
        else:
            yield f"{name}{sub}", verb


VERBS = dict(verbs(cli.command()))


def test_the_readme_types_real_commands() -> None:
    assert len(list(commands(ROOT / "README.md"))) >= 10


@pytest.mark.parametrize("line", TYPED)
def test_every_command_in_the_docs_parses(line: str) -> None:
    parse(shlex.split(line, comments=True)[1:])


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_and_option_has_help(name: str) -> None:
    assert VERBS[name].help, name
    bare = [p.name for p in VERBS[name].params if isinstance(p, TyperOption) and not p.help]
    assert bare == []


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_is_in_the_contract(name: str) -> None:
    text = (REFERENCE / "contract.md").read_text()
    verb = name.removeprefix("lab ")
    assert re.search(rf"`{'(lab )?' if name != verb else ''}{verb}\b", text)


def test_every_verb_of_the_contract_exists() -> None:
    text = (REFERENCE / "contract.md").read_text()
    table = text.split("## Verbs")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)", table, re.MULTILINE))
    assert named == {name.split()[0] for name in VERBS}


def test_every_page_leads_somewhere() -> None:
    links = [
        (page, target)
        for page in PAGES
        for target in re.findall(r"\]\(([^)#]+)", page.read_text())
        if "://" not in target
    ]
    lost = [f"{page.name}: {to}" for page, to in links if not (page.parent / to).exists()]
    assert lost == []


def test_the_contract_lists_every_cause_state_remedy_and_field() -> None:
    words = set(re.findall(r"`([a-z_0-9-]+)`", (REFERENCE / "contract.md").read_text()))
    assert {item.value for kind in (Cause, State, Remedy) for item in kind} <= words
    told = set(Verdict.model_fields) - {"matrix", "bad_names"}
    assert told <= words


def test_the_contract_lists_exactly_the_kinds_of_events() -> None:
    text = (REFERENCE / "contract.md").read_text().split("## Events")[1].split("\n## ")[0]
    listed = set(re.findall(r"^\| `([a-z-]+)`", text, re.MULTILINE))
    assert listed == set(get_args(Kind))


def test_every_exit_code_is_explained() -> None:
    text = (REFERENCE / "exit-codes.md").read_text()
    explained = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    kinds = [v for v in vars(errors).values() if isinstance(v, type)]
    raised = {k.exit_code for k in kinds if issubclass(k, errors.NtactlError)}
    ended = set(EXIT_CODES.values()) | {3, 10, 11, 12, 13, cli.INTERRUPTED, cli.READER_GONE}
    assert raised | ended == explained


def test_the_settings_example_is_accepted(tmp_path: Path, monkeypatch) -> None:
    text = (REFERENCE / "settings.md").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (tmp_path / "ntactl.toml").write_text(block)
    monkeypatch.chdir(tmp_path)
    defaults = settings.from_file(cli.command())
    assert defaults["plan"]["inventory"] == "fleet.yaml"
    assert defaults["watch"]["every"] == tomllib.loads(block)["watch"]["every"]
    assert defaults["lab"]["up"] == {"resolvers": "unbound=1,bind=1"}


def test_the_changelog_has_the_form_it_claims() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in text
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= kinds
