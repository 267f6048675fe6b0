"""An installed wheel is complete: it answers, renders and finds its policy by itself."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from orchestrator import __version__

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it and this one's libraries behind it."""
    home = tmp_path_factory.mktemp("installed with space")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    (site,) = (home / "lib").glob("python3*/site-packages")
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel, cwd=home)
    return home


def test_every_template_is_in_it(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = [p.relative_to(ROOT / "templates") for p in (ROOT / "templates").rglob("*.*")]
    assert wanted
    assert {f"orchestrator/_templates/{path}" for path in wanted} <= held


def test_it_holds_the_package_and_nothing_beside_it(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"orchestrator", f"ntactl-{__version__}.dist-info"}


def test_the_installed_program_answers(installed: Path) -> None:
    assert (
        run(installed / "bin" / "ntactl", "--version", cwd=installed) == f"ntactl {__version__}\n"
    )
    module = run(installed / "bin" / "python", "-m", "orchestrator", "--version", cwd=installed)
    assert module == f"ntactl {__version__}\n"


def test_the_installed_program_is_the_wheel(installed: Path) -> None:
    code = "import orchestrator; print(orchestrator.__file__)"
    assert str(installed) in run(installed / "bin" / "python", "-c", code, cwd=installed)


def test_it_renders_and_reads_its_own_files(installed: Path) -> None:
    code = """
from orchestrator.render import text
from orchestrator.playbook import load_playbook, packaged_playbook
print(text("systemd/ntactl-watch.service"))
print(load_playbook(packaged_playbook()).name)
"""
    shown = run(installed / "bin" / "python", "-c", code, cwd=installed)
    assert "ntactl watch --once" in shown
    assert shown.endswith("tld-nta\n")
