"""The exceptions that a person is meant to read."""


class UserError(Exception):
    """What happened and what to do, in one line. The command line prints it and exits with code 2."""


class Diverged(UserError):
    """A training whose numbers are no longer finite."""


class Interrupted(Exception):
    """How to go on after an interrupt, in one line. The command line prints it and exits with code 130."""
