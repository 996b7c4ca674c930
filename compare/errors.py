"""The exceptions that a person is meant to read, and how to tell of any other on one line."""

LONGEST = 1000  # characters of a line that a person will read
OF_OTHERS = 300  # of it, for what an exception says that is not ours
NAME = type.__dict__["__name__"]  # reads a class's own name, and not what its metaclass says of it


def clipped(text: str, most: int = LONGEST) -> str:
    """Return the text; of one longer than `most`, its beginning, and how much was left out."""
    if len(text) <= most:
        return text
    # So that what was clipped is not clipped again.
    kept = most - len(f"… ({len(text):,} characters more)")
    return f"{text[:kept]}… ({len(text) - kept:,} characters more)"


def class_name(value: object, most: int = OF_OTHERS) -> str:
    """Return the name of a value's class, which may be anybody's: none of its code runs."""
    return clipped(str.__str__(NAME.__get__(type(value))), most)


def one_line(text: str) -> str:
    """Return a text, of anybody's kind of str, on one line."""
    return " ".join(str.__str__(text).split())


def told(error: BaseException) -> str:
    """Say on one line what was raised: "raised ValueError: no such layer"; it may be anybody's."""
    name = class_name(error)
    try:
        text = one_line(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException:
        return f"raised {name}, which cannot say why"
    return f"raised {name}: {clipped(text, OF_OTHERS)}" if text else f"raised {name}"


class UserError(Exception):
    """What happened and what to do, in one line, printed by the command line; exit code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(clipped(message))


class Diverged(UserError):
    """A training whose numbers are no longer finite."""


class Interrupted(Exception):
    """How to go on after an interrupt, in one line, printed by the command line; exit code 130."""
