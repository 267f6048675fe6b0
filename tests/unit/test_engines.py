"""What the engines' shell makes of what daemons say, and what a reviewer is shown."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml
from hands import a_host

from orchestrator.engines import engine
from orchestrator.render import text

CASES = sorted((Path(__file__).parents[1] / "cases/engine").glob("*.yaml"))
ENGINES = ("unbound", "bind", "pdns", "knot")
SHELLS = (["sh"], ["bash", "--posix"], ["busybox", "sh"])


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_daemons_say_is_understood(path: Path, shell: list[str], tmp_path: Path) -> None:
    case = yaml.safe_load(path.read_text())
    for name, body in case["tools"].items():
        tool = tmp_path / name
        tool.write_text(f"#!/bin/sh\n{body}")
        tool.chmod(0o755)
    for name, body in case.get("files", {}).items():
        (tmp_path / name).write_text(body)
    ours = (*engine(case["engine"]).shell, f"{case['engine']}/count.sh")
    library = [text(f) for f in ("host/base.sh", "host/nta.sh", *ours)]
    tools = f"PATH={tmp_path}:$PATH"
    settings = f"set -u; config= instance={case.get('instance', '')}"
    program = "\n".join([settings, *library, tools, case["call"]])
    done = subprocess.run(
        [*shell, "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, "FILES": str(tmp_path)},
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (case["says"].strip(), "")


SETS = {
    "unbound": (
        ["server: domain-insecure: X", "\tdomain-insecure:\t'x.'# ours", 'domain-insecure:"x" # y'],
        ['# domain-insecure: "x."', "domain-insecure: xx", "domain-insecure: y.x", "local-zone: x"],
    ),
    "bind": (
        [
            'validate-except { "y"; X; };',
            'validate-except\n{\n\t"x.";\n};',
            "validate-except {x;};",
        ],
        ['# validate-except { "x"; };', 'validate-except { "xx"; "y.x"; };', 'zone "x" { };'],
    ),
    "pdns": (
        [
            'addNTA("X")',
            "addNTA( 'x.', \"y\")",
            'addNTA{"x"} -- ours',
            'addNTA "x"',
            'addNTA(\n"x")',
        ],
        [
            *(
                '-- addNTA("x")',
                'foo=1 -- addNTA("x")',
                '--[[\naddNTA("x")\n]]',
                "--[==[ addNTA 'x' ]==]",
            ),
            *('addNTA("xx")', 'addNTA("y.x")', 'addTA("x", "1 8 2 aa")'),
        ],
    ),
    "knot": (
        [
            "trust_anchors.set_insecure({'X'})",
            'trust_anchors.set_insecure {\n  "y",\n  "x."\n}',
            'nta("x.") -- # ntactl x-1',
        ],
        [
            *("-- trust_anchors.set_insecure({'x'})", "trust_anchors.set_insecure({'xx', 'y.x'})"),
            *("a() -- set_insecure({'x'})", "--[[\ntrust_anchors.set_insecure({'x.'})\n]]"),
        ],
    ),
}


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize("name", ENGINES)
def test_what_makes_a_zone_insecure_is_seen_however_it_is_written(
    name: str, shell: list[str]
) -> None:
    library = "\n".join(map(text, engine(name).shell))
    program = f"config=\n{library}\nengine_sets x."
    for yes, pieces in zip((True, False), SETS[name], strict=True):
        for piece in pieces:
            done = subprocess.run([*shell, "-c", program], input=piece.encode(), check=False)
            assert (done.returncode == 0) is yes, piece


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "templates").rglob("*.sh")))
def test_shell_is_shellcheck_clean(path: Path) -> None:
    done = subprocess.run(
        ["shellcheck", "-s", "sh", str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == ""


@pytest.mark.parametrize("name", ENGINES)
def test_other_modes_say_what_is_dangerous_about_them(name: str) -> None:
    for mode in ("config", "override"):
        preview = engine(name).preview(mode, ["de.", "fj."])
        assert preview.commands
        assert any("end" in danger for danger in preview.dangers)
        assert "de." in preview.text
    assert '+        "fj.";' in engine("bind").preview("config", ["de.", "fj."]).text
    assert '+    domain-insecure: "fj."' in engine("unbound").preview("config", ["fj."]).text


def test_paths_of_the_inventory_are_used() -> None:
    paths = {"config": "/opt/u.conf", "dropin": "/opt/conf.d/ntactl-nta.conf"}
    host = a_host("unbound", paths=paths)
    assert engine("unbound").dropin(host) == "/opt/conf.d/ntactl-nta.conf"
    commands = engine("unbound").add_commands(host, "de.")
    assert "unbound-control -c /opt/u.conf insecure_add de." in commands
    assert engine("bind").dropin(a_host("bind")) == ""
