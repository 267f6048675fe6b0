"""The command line as a person meets it: help, version, codes, defaults, no traceback."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import __version__

NTACTL = (sys.executable, "-m", "orchestrator")
ROOT = Path(__file__).parents[2]
INCIDENT = [
    *("check", "plan", "show", "approve", "apply", "mitigate"),
    *("status", "watch", "renew", "hold", "revert", "rollback"),
]


def ntactl(*args: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NTACTL_", "XDG_"))}
    return subprocess.run(
        [*NTACTL, *args],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(ROOT), "HOME": str(cwd), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_version() -> None:
    done = ntactl("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ntactl {__version__}\n", "")


@pytest.mark.parametrize("args", [["--version"], ["--help"]])
def test_it_takes_hardly_more_than_typer_alone(args: list[str]) -> None:
    """Machines differ, and others keep this one busy: milliseconds are for `make bench`."""
    ours, bare = [], []
    typer = [sys.executable, "-c", "import typer.main"]
    for _ in range(5):
        ours.append(processor_time(lambda: ntactl(*args)))
        bare.append(processor_time(lambda: subprocess.run(typer, check=True)))
    assert min(ours) < 2.5 * min(bare), (ours, bare)


def processor_time(run: Callable[[], object]) -> float:
    """Seconds of processor time of the process that `run` starts and waits for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_nothing_heavy_is_imported_for_help() -> None:
    code = (
        "import sys; from orchestrator.cli import run; run(['--help']); "
        "print([m for m in ('pydantic', 'dns', 'paramiko', 'sqlalchemy', 'jinja2', 'yaml', 'rich') "
        "if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_help_tells_the_verbs_in_the_order_of_an_incident() -> None:
    commands = ntactl("--help").stdout.split("Commands:")[1]
    verbs = [line.split()[0] for line in commands.splitlines() if re.match(r"  \w", line)]
    assert [verb for verb in verbs if verb in INCIDENT] == INCIDENT
    assert {"fleet", "schema", "drill", "lab"} <= set(verbs)


def test_without_arguments_it_helps() -> None:
    done = ntactl()
    assert done.returncode == 2
    assert "The way through an incident" in done.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["chekc"], "No such command 'chekc'"),
        (["--wrong"], "No such option: --wrong"),
        (["schema"], "Missing argument"),
        (["schema", "fleet"], "is not one of 'inventory', 'playbook', 'plan', 'verdict', 'ntas'"),
        (["lab"], "Commands:"),
    ],
)
def test_a_wrong_command_line_is_code_2(args: list[str], said: str) -> None:
    done = ntactl(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


@pytest.mark.parametrize("name", ["inventory", "playbook", "plan", "verdict"])
def test_schemas_are_json_schemas(name: str) -> None:
    schema = json.loads(ntactl("schema", name).stdout)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert schema["properties"]


def test_the_inventory_schema_is_that_of_the_file() -> None:
    schema = json.loads(ntactl("schema", "inventory").stdout)
    assert list(schema["properties"]) == ["lab", "defaults", "groups", "hosts"]
    assert schema["$defs"]["HostEntry"]["required"] == ["name", "address"]


FAMILY = """
import sys, os, typer, signal
from orchestrator import cli
from orchestrator.errors import Refused
def {name}(what: str = "", number: int = 1) -> None:
    {body}
cli.app.command("{name}")({name})
sys.exit(cli.run(sys.argv[1:]))
"""


def verb(body: str, *args: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a verb with that body through the real root."""
    code = FAMILY.format(name="try-it".replace("-", "_"), body=body)
    script = cwd / "script.py"
    script.write_text(code)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NTACTL_", "XDG_"))}
    return subprocess.run(
        [sys.executable, str(script), "try_it", *args],
        cwd=cwd,
        env={**clean, "HOME": str(cwd), "PYTHONPATH": str(ROOT), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_an_error_of_ours_is_its_text_and_its_code(tmp_path: Path) -> None:
    done = verb('raise Refused("not-bogus", "de. is secure", next_step="none")', cwd=tmp_path)
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "refused by rule 'not-bogus': de. is secure",
        "  state: nothing was changed",
        "  next:  none",
    ]


def test_a_defect_is_one_line_and_a_saved_trace(tmp_path: Path) -> None:
    done = verb("{}['missing key']", cwd=tmp_path)
    assert done.returncode == 1
    first, trace, _ = done.stderr.splitlines()
    assert first == "unexpected KeyError: 'missing key'"
    saved = Path(trace.removeprefix("  trace: "))
    assert saved.is_relative_to(tmp_path / ".cache" / "ntactl")
    assert "Traceback" in saved.read_text()
    assert "Traceback" not in done.stderr


def test_the_trace_goes_to_the_state_folder_where_there_is_one(tmp_path: Path) -> None:
    verb("1 / 0", cwd=tmp_path, NTACTL_STATE=str(tmp_path / "state"))
    (saved,) = (tmp_path / "state").rglob("*.txt")
    assert "ZeroDivisionError" in saved.read_text()


def test_a_trace_that_cannot_be_saved_is_no_second_error(tmp_path: Path) -> None:
    done = verb("1 / 0", cwd=tmp_path, NTACTL_STATE="/proc/nothing")
    assert done.returncode == 1
    assert "trace: not saved" in done.stderr


def test_ctrl_c_is_130_and_one_line(tmp_path: Path) -> None:
    done = verb("os.kill(os.getpid(), signal.SIGINT)", cwd=tmp_path)
    assert done.returncode == 130
    assert done.stderr == "interrupted; `ntactl status` says where things stand\n"


def test_a_prompt_that_ends_is_130(tmp_path: Path) -> None:
    done = verb("raise typer.Abort", cwd=tmp_path)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_a_verb_may_end_with_any_code(tmp_path: Path) -> None:
    assert verb("raise typer.Exit(12)", cwd=tmp_path).returncode == 12


def test_a_reader_that_goes_away_is_quiet(tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("NTACTL_")}
    command = " ".join(NTACTL) + " schema verdict | true; echo ${PIPESTATUS[0]}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env={**clean, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout in ("141\n", "0\n")  # 0: it had written all before the reader went
    assert done.stderr == ""


def test_another_broken_pipe_is_a_defect(tmp_path: Path) -> None:
    done = verb("raise BrokenPipeError('to a host')", cwd=tmp_path)
    assert done.returncode == 1
    assert "unexpected BrokenPipeError: to a host" in done.stderr


def test_text_that_the_terminal_cannot_show_is_no_error(tmp_path: Path) -> None:
    done = verb("print('m\\u00fcnchen')", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout) == (0, "m?nchen\n")


SHOW = "print(what, number)"


def config(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ntactl.toml").write_text(text)


def test_the_command_line_goes_before_the_environment_before_the_file(tmp_path: Path) -> None:
    config(tmp_path, 'what = "all"\n[try_it]\nwhat = "file"\nnumber = 7\n')
    assert verb(SHOW, cwd=tmp_path).stdout == "file 7\n"
    assert verb(SHOW, cwd=tmp_path, NTACTL_WHAT="env").stdout == "env 7\n"
    assert verb(SHOW, "--what", "line", cwd=tmp_path, NTACTL_WHAT="env").stdout == "line 7\n"


def test_a_key_at_the_top_holds_for_every_verb_that_has_it(tmp_path: Path) -> None:
    config(tmp_path, 'what = "all"\n')
    assert verb(SHOW, cwd=tmp_path).stdout == "all 1\n"


def test_the_nearest_file_is_the_one_that_counts(tmp_path: Path) -> None:
    config(tmp_path / ".config" / "ntactl", 'what = "home"\n')
    assert verb(SHOW, cwd=tmp_path).stdout == "home 1\n"
    config(tmp_path, "number = 2\n")
    assert verb(SHOW, cwd=tmp_path).stdout == " 2\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what = \n", "ntactl.toml:1: is not TOML: "),
        ('\n\nwhat "x"\n', "ntactl.toml:3: is not TOML: "),
        ('waht = "x"\n', "ntactl.toml: waht: no verb has this option"),
        ('[try_it]\nwaht = "x"\n', "ntactl.toml: try_it.waht: no verb has this option"),
        ('[try_that]\nwhat = "x"\n', "ntactl.toml: try_that: is no verb"),
    ],
)
def test_a_broken_settings_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    config(tmp_path, text)
    done = verb(SHOW, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert ntactl("--help", cwd=tmp_path).returncode == 0


def test_a_value_of_the_wrong_kind_is_refused(tmp_path: Path) -> None:
    config(tmp_path, 'number = "many"\n')
    done = verb(SHOW, cwd=tmp_path)
    assert done.returncode == 2
    assert "--number" in done.stderr


def test_paths_in_the_file_start_at_its_own_folder(tmp_path: Path) -> None:
    body = "print(where)"
    config(tmp_path / ".config" / "ntactl", 'where = "sub/fleet.yaml"\n')
    code = FAMILY.format(name="try_it", body=body).replace('what: str = ""', PATH_OPTION)
    (tmp_path / "script.py").write_text("from pathlib import Path\n" + code)
    done = subprocess.run(
        [sys.executable, "script.py", "try_it"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{tmp_path}/.config/ntactl/sub/fleet.yaml\n"


PATH_OPTION = 'where: Path = Path("none")'


def test_sigterm_ends_it_as_usual(tmp_path: Path) -> None:
    done = verb("os.kill(os.getpid(), signal.SIGTERM)", cwd=tmp_path)
    assert done.returncode == -signal.SIGTERM
