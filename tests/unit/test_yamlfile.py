"""What is wrong with a YAML file is said with file, line and field."""

from pathlib import Path

import pytest

from orchestrator import yamlfile
from orchestrator.errors import BadFile
from orchestrator.model import Length, Value


class Inner(Value):
    port: int = 1


class Sample(Value):
    name: str
    length: Length | None = None
    items: tuple[Inner, ...] = ()
    inner: Inner = Inner()


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "sample.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(BadFile) as caught:
        yamlfile.load(write(folder, text), Sample)
    assert caught.value.exit_code == 2
    return str(caught.value).removeprefix(f"{folder}/")


def test_a_good_file_becomes_a_value(tmp_path: Path) -> None:
    path = write(tmp_path, "name: x\nitems: [{port: 2}]\n")
    assert yamlfile.load(path, Sample) == Sample(name="x", items=(Inner(port=2),))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [x\n", "sample.yaml:2: is not YAML: "),
        (
            "name: x\nitems: {\nlength: 4h\n",
            (
                "sample.yaml:4: is not YAML: did not find expected ',' or '}', "
                "while parsing a flow mapping that begins on line 2"
            ),
        ),
        ("name: x\n\tport: 1\n", "sample.yaml:2: is not YAML: "),
        ("name: x: y\n", "sample.yaml:1: is not YAML: "),
        ("--- a\n--- b\n", "sample.yaml:2: is not YAML: "),
        ("", "sample.yaml: is empty"),
        ("# nothing\n", "sample.yaml: is empty"),
        (b"name: \xff\n", "sample.yaml: is not text in UTF-8"),
        (b"name: a\x00b\n", "sample.yaml: is not YAML: "),
        ("just words\n", "sample.yaml:1: must be a mapping of fields, not 'just words'"),
        ("- a\n", "sample.yaml:1: must be a mapping of fields, not ['a']"),
        ("name: x\nname: y\n", "sample.yaml:2: name: is here twice, first on line 1"),
        ("name: x\ninner:\n  port: 1\n  port: 2\n", "sample.yaml:4: inner.port: is here twice"),
        ("1: x\n", "sample.yaml:1: the key '1' must be text: quote it"),
        ("name: &a x\nitems: *a\n", "sample.yaml:2: items: is an alias"),
        ("name: &a [*a]\n", "sample.yaml:1: name[0]: is an alias"),
        ("name: x\ninner: {<<: {port: 1}}\n", "sample.yaml:2: inner: the key '<<' must be text"),
        ("name: !!python/name:os.system x\n", "sample.yaml:1: name: cannot be read: "),
        ("name: 2026-13-45\n", "sample.yaml:1: name: cannot be read: "),
        ("items: []\n", "sample.yaml:1: name: is missing"),
        ("name: x\nitmes: []\n", "sample.yaml:2: itmes: unknown field, did you mean 'items'?"),
        ("name: x\nzzz: 1\n", "sample.yaml:2: zzz: unknown field"),
        ("name: no\n", "sample.yaml:1: name: must be text, not False: put it in quotes"),
        ("name: x\nitems: {}\n", "sample.yaml:2: items: must be a list, not {}"),
        ("name: x\ninner:\n", "sample.yaml:2: inner: must be a mapping of fields, not nothing"),
        ("name: x\nitems:\n- port: 1\n- port: p\n", "sample.yaml:4: items[1].port: input should"),
        ("name: x\nlength: 4\n", "sample.yaml:2: length: 4 is no length of time"),
        ("name: x\nlength: 1w\n", "sample.yaml:2: length: '1w' is no length of time; write it"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert refusal(tmp_path, text).startswith(said)


def test_all_errors_are_listed_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = refusal(tmp_path, "naem: x\ninner:\n  port: p\nitems: 3\n")
    first, *others = text.splitlines()
    assert first.startswith("sample.yaml:1: ")
    assert first.endswith("(the first of 4 errors)")
    assert [line.split(": ")[1] for line in others] == ["naem", "inner.port", "items"]


def test_nesting_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile):
        yamlfile.load(write(tmp_path, "[" * 20_000), Sample)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"nothing\.yaml: cannot be read: No such file"):
        yamlfile.load(tmp_path / "nothing.yaml", Sample)
    with pytest.raises(BadFile, match="cannot be read: Is a directory"):
        yamlfile.load(tmp_path, Sample)
