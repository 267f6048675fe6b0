"""The fault bench itself: a round that it knows strikes, is green, and red without a safeguard."""

from collections.abc import Iterator

import pytest
from faults.bench import Bench, a_bench
from faults.play import play
from faults.product import CUTS
from faults.regressions import Known, known, trouble

FAST = [pytest.param(each, id=f"seed {each.draw.seed}") for each in known() if each.fast]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with a_bench(tmp_path_factory.mktemp("bench"), "unbound=1,bind=1") as made:
        yield made


@pytest.mark.parametrize("each", FAST)
def test_a_known_round_is_green_and_red_without_what_it_needs(bench: Bench, each: Known) -> None:
    assert trouble(play(bench, each.draw)) == []
    assert play(bench.without(each.red_without), each.draw).wrong


@pytest.mark.parametrize("piece", CUTS)
def test_what_can_be_cut_out_is_there_and_needed_by_a_known_round(bench: Bench, piece: str) -> None:
    assert bench.without(piece).product.is_dir()
    assert piece in {each.red_without for each in known()}
