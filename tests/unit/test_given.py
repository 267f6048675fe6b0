"""Files that a person names: read whole, and none of them without end."""

import os
import threading
from pathlib import Path

import pytest

from orchestrator.errors import BadFile
from orchestrator.given import given_bytes, given_text


def test_a_file_and_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("münchen.\n")
    assert given_text(tmp_path / "names") == "münchen.\n"
    assert given_bytes(Path("/dev/null")) == b""


def test_a_pipe_that_somebody_writes_to(tmp_path: Path) -> None:
    """Also one that begins late, and takes several reads."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writing = threading.Timer(0.1, fifo.write_bytes, [b"de.\n" * 50_000])
    writing.start()
    assert len(given_bytes(fifo)) == 200_000
    writing.join()
    assert len(given_bytes(fifo, patience=0.05)) == 200_000  # for the next zone


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "cannot be read: No such file"),
        ("folder", "cannot be read: Is a directory"),
        ("long", "is longer than 1 MiB"),
        ("fifo", "is a pipe that nobody wrote to"),
        ("/dev/zero", "is a device"),
        ("latin", "is not text in UTF-8"),
    ],
)
def test_what_is_not_read(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "long").write_bytes(bytes((1 << 20) + 1))
    (tmp_path / "latin").write_bytes(b"m\xfcnchen")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BadFile, match=said):
        given_text(tmp_path / name, most=1 << 20, patience=0.05)


def test_a_pipe_without_end() -> None:
    reader, writer = os.pipe()

    def forever() -> None:
        try:
            while True:
                os.write(writer, bytes(65536))
        except BrokenPipeError:
            os.close(writer)

    endless = threading.Thread(target=forever, daemon=True)
    endless.start()
    with pytest.raises(BadFile, match="is longer than 1 MiB"):
        given_bytes(Path(f"/dev/fd/{reader}"), most=1 << 20)
    os.close(reader)
    endless.join(5)
    assert not endless.is_alive()
