"""The one exception a person is meant to read."""


class UserError(Exception):
    """What happened and what to do, in one line. The command line prints it and exits with code 2."""
