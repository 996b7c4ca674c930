"""What a file says, where it is not what our commands have written there: a stranger's file, or one edited by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

from compare.errors import UserError

STUMBLES = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


@contextmanager
def as_we_wrote_it(what: object, *stumbles: type[Exception]) -> Iterator[None]:
    """Turn an exception that unexpected content leads to into a `UserError` that says what it was in, and which."""
    expected: tuple[type[Exception], ...] = (*STUMBLES, *stumbles)
    try:
        yield
    except expected as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{what}: not all is as compare wrote it ({reason}); restore it or make it anew") from error
