"""Who may ask the API."""

from flows.doctor.finding import Finding, not_checked
from flows.serve import api_config, valid_keys
from flows.settings import Settings

__all__ = ["check_access", "examine_access"]

_CHECK = "access to the API"


def examine_access(settings: Settings) -> list[Finding]:
    """The finding of this module."""
    config = api_config(settings)
    encrypted = settings.api.tls_certificate is not None
    return [check_access(valid_keys(settings), config.is_local, settings.api.open_to_all, encrypted)]


def check_access(keys: int | None, is_local: bool, open_to_all: bool, encrypted: bool) -> Finding:  # noqa: FBT001, a table of cases
    """Whether those who reach the API are meant to.

    Parameters:
        keys: how many are valid; ``None``: the database does not say.
    """
    if is_local:
        found = "only this machine reaches it" + ("; reading takes no key until there is one" if keys == 0 else "")
        return Finding(_CHECK, "ok", found)
    if open_to_all:
        advice = "unset api.open_to_all, and make keys: candlewick keys add NAME --role read"
        return Finding(_CHECK, "warn", "others reach it, and all of them may read", advice)
    if keys is None:
        return not_checked(_CHECK, "the database does not tell its keys")
    if keys == 0:
        found = "others reach it, and there is no valid key: it will not start"
        return Finding(_CHECK, "bad", found, "candlewick keys add NAME --role read")
    found = f"others reach it, with {keys} valid keys"
    if not encrypted:
        advice = "set api.tls_certificate and api.tls_key, unless a proxy before it encrypts"
        return Finding(_CHECK, "warn", f"{found}, which travel unencrypted", advice)
    return Finding(_CHECK, "ok", f"{found}, encrypted")
