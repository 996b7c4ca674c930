"""The exceptions that a person is meant to read, and how to tell of any other on one line."""

LONGEST = 1000  # characters of a line that a person will read
OF_OTHERS = 300  # of it, for what an exception says that is not ours


def clipped(text: str, most: int = LONGEST) -> str:
    """Return the text, and of one that is longer than `most` its beginning, with how much was left out."""
    if len(text) <= most:
        return text
    kept = most - len(f"… ({len(text):,} characters more)")  # so that what was clipped is not clipped again
    return f"{text[:kept]}… ({len(text) - kept:,} characters more)"


def told(error: BaseException) -> str:
    """Say on one line what was raised: "raised ValueError: no such layer". Its class may be anybody's."""
    name = clipped(type(error).__name__, OF_OTHERS)
    try:
        text = " ".join(str(error).split())
    except KeyboardInterrupt:
        raise
    except BaseException:
        return f"raised {name}, which cannot say why"
    return f"raised {name}: {clipped(text, OF_OTHERS)}" if text else f"raised {name}"


class UserError(Exception):
    """What happened and what to do, in one line. The command line prints it and exits with code 2."""

    def __init__(self, message: str) -> None:
        super().__init__(clipped(message))


class Diverged(UserError):
    """A training whose numbers are no longer finite."""


class Interrupted(Exception):
    """How to go on after an interrupt, in one line. The command line prints it and exits with code 130."""
