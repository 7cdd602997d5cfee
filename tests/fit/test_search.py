"""The search for the largest batch, against boards whose answer is known."""

from __future__ import annotations

import pytest

from harness.fit.search import GRAIN, Bracket, next_batch


def search(largest: dict[str, int], guess: int, most: int = 2048) -> tuple[dict[str, Bracket], int]:
    """Boards that hold so much, and how many questions it took."""
    found = {name: Bracket(guess=guess, least=2, most=most) for name in largest}
    asked = 0
    while (batch := next_batch(found.values())) is not None:
        asked += 1
        assert asked < 40
        found = {name: bracket.told(batch, batch <= largest[name]) for name, bracket in found.items()}
    return found, asked


@pytest.mark.parametrize("guess", [2, 64, 2048])
@pytest.mark.parametrize("largest", [2, 3, 17, 64, 100, 1000, 2000])
def test_the_largest_is_found_from_any_guess(largest: int, guess: int) -> None:
    found, _ = search({"a": largest}, guess)
    fits, fails = found["a"].fits, found["a"].fails
    assert fits is not None and fails is not None
    assert fits <= largest < fails and fails - fits <= max(1, GRAIN * fails)


def test_a_good_guess_takes_two_questions() -> None:
    assert search({"a": 101}, 100)[1] == 2


def test_boards_learn_from_each_others_questions() -> None:
    alone = sum(search({"a": size}, 64)[1] for size in (100, 110, 700))
    found, together = search({"a": 100, "b": 110, "c": 700}, 64)
    assert together < alone
    assert all(bracket.settled for bracket in found.values())


def test_the_ends_are_found() -> None:
    none, asked = search({"a": 0}, 64)
    assert none["a"].fits is None and none["a"].fails == 2 and asked < 10
    everything, _ = search({"a": 4000}, 64)
    assert everything["a"].fits == 2048 and everything["a"].fails is None
