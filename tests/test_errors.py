"""What a person reads is one line that can be read, whoever's exception it is of."""

import pickle

import pytest

from compare.errors import LONGEST, Diverged, UserError, clipped, told


@pytest.mark.parametrize("length", [0, 1, LONGEST - 1, LONGEST])
def test_what_is_short_stays_as_it_is(length: int) -> None:
    assert clipped("x" * length) == "x" * length


@pytest.mark.parametrize("length", [LONGEST + 1, LONGEST + 30, 10**5, 10**6])
def test_what_is_long_says_how_much_was_left_out_and_is_not_clipped_again(length: int) -> None:
    short = clipped("x" * length)
    kept, said = short.split("… (")
    assert len(short) <= LONGEST
    assert said == f"{length - len(kept):,} characters more)"
    assert clipped(short) == short


def test_to_clip_at_another_length() -> None:
    assert clipped("x" * 100, 50) == f"{'x' * 27}… (73 characters more)"


@pytest.mark.parametrize("kind", [UserError, Diverged])
def test_every_error_of_a_person_is_short_and_the_same_in_another_process(
    kind: type[UserError],
) -> None:
    error = kind("x" * 10**5)
    assert len(str(error)) <= LONGEST
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (kind, str(error))


class Mute(Exception):
    """An exception that cannot say what it is."""

    def __str__(self) -> str:
        """Raise what would end the process."""
        raise SystemExit(0)


class Odd(str):
    """A text that is not what it says."""

    def split(self, *_: object) -> list[str]:
        """Raise what would end the process."""
        raise SystemExit(0)

    def __len__(self) -> int:
        """Say less than none."""
        return -1


class Says(Exception):
    """An exception that says such a text."""

    def __str__(self) -> str:
        """Return it."""
        return Odd("some\ntext")


class Nameless(type):
    """A class that does not tell its name."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        """Raise what would end the process."""
        raise SystemExit(0)


class Hidden(Exception, metaclass=Nameless):
    """An exception of such a class."""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("two\n lines"), "raised ValueError: two lines"),
        (SystemExit(0), "raised SystemExit: 0"),
        (KeyError(), "raised KeyError"),
        (Says(), "raised Says: some text"),
        (Hidden(), "raised Hidden"),
        (type(Odd("Other"), (Exception,), {})(), "raised Other"),
        (Mute(), "raised Mute, which cannot say why"),
        (ValueError("x" * 10**6), f"raised ValueError: {clipped('x' * 10**6, 300)}"),
        (type("E" * 10**6, (Exception,), {})(), f"raised {clipped('E' * 10**6, 300)}"),
    ],
)
def test_any_exception_is_told_on_one_line(error: BaseException, said: str) -> None:
    assert told(error) == said
