"""Self-made certificates: an authority, a server's key and chain signed by it, and another authority that is not it."""

from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from msgspec import Struct

__all__ = ["Certificates", "certificates"]


class Certificates(Struct, frozen=True):
    """PEM files."""

    authority: Path
    stranger: Path
    """An authority that has signed nothing."""
    key: Path
    """PKCS 8, which Java wants."""
    chain: Path
    keystore: Path
    """Key and chain."""


def certificates(folder: Path) -> Certificates:
    """Fresh ones for 127.0.0.1, in ``folder``."""
    made = Certificates(*(folder / f"{name}.pem" for name in Certificates.__struct_fields__))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(made.authority)
    trustme.CA().cert_pem.write_to_path(made.stranger)
    pair = authority.issue_cert("127.0.0.1")
    key = load_pem_private_key(pair.private_key_pem.bytes(), None)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(part.bytes() for part in pair.cert_chain_pems)
    made.key.write_bytes(text)
    made.chain.write_bytes(chain)
    made.keystore.write_bytes(text + chain)
    return made
