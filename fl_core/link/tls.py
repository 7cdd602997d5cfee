"""The certificate of a run: one key pair that server, edge server and workers of a run hold, and nobody else.

Each end shows it and trusts it alone, so a peer without it is refused at the handshake, whatever its address.
"""

from typing import NamedTuple

NAME = "fedrack-run"  # the subject that the certificate names; addresses are not part of it


class Identity(NamedTuple):
    """PEM blocks, as in a file that holds both."""

    certificate: bytes
    key: bytes


def read_identity(path: str) -> Identity:
    """The certificate and key of a run's file."""
    with open(path, "rb") as file:
        pem = file.read()
    return Identity(_block(pem, b"CERTIFICATE", path), _block(pem, b"PRIVATE KEY", path))


def _block(pem: bytes, label: bytes, path: str) -> bytes:
    start, end = b"-----BEGIN " + label + b"-----", b"-----END " + label + b"-----\n"
    _, found, rest = pem.partition(start)
    body, closed, _ = rest.partition(end)
    if not found or not closed:
        raise OSError("{} holds no {}".format(path, label.decode()))
    return start + body + end
