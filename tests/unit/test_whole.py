"""Files that are written whole or not at all."""

from pathlib import Path

import pytest

from orchestrator.errors import BadInput, NtactlError
from orchestrator.whole import check_writable, write_whole


def test_it_is_there_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "plan.json", "{}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    assert (tmp_path / "plan.json").read_text() == "{}\n"


@pytest.mark.parametrize("name", ["no/plan.json", "file/plan.json", "n" * 252, "folder"])
def test_where_nothing_can_be_written_it_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NtactlError, match="cannot be written"):
        write_whole(tmp_path / name, "{}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize("name", ["no/plan.json", "file/plan.json", "folder"])
def test_it_can_be_known_before(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match="cannot be written"):
        check_writable(tmp_path / name, "--out")
    check_writable(tmp_path / "plan.json", "--out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    null = tmp_path / "null"
    null.symlink_to("/dev/null")
    write_whole(null, "{}\n")
    assert null.is_char_device()
