"""The one error of the embedded servers."""


class ServerError(RuntimeError):
    """An embedded server cannot start; the message says why and what to do."""
