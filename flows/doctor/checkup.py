"""All checks, of whatever is wrong none stopping the others."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from psycopg.conninfo import conninfo_to_dict

from flows.doctor.access import examine_access
from flows.doctor.database import examine_database
from flows.doctor.finding import Finding
from flows.doctor.kafka import examine_kafka
from flows.doctor.machine import check_disk, check_native, check_port, check_recovery
from flows.doctor.models import check_models
from flows.settings import Settings
from schemas.secrets import is_secret

__all__ = ["examine"]


def examine(settings: Settings) -> list[Finding]:
    """What is found of the broker, the database and this machine; never raises, and never names a secret."""
    recovery = settings.engine.recovery_dir
    groups: dict[str, Callable[[], list[Finding]]] = {
        "kafka": partial(examine_kafka, settings),
        "database": partial(examine_database, settings),
        "disk": lambda: [check_disk(recovery)],
        "event path": lambda: [check_native(wanted=settings.engine.native)],
        "recovery directory": lambda: [check_recovery(recovery)],
        "port of the API": lambda: [check_port(settings.api.host, settings.api.port, settings.api.tls_certificate)],
        "models": lambda: [check_models(settings.models.dir)],
        "access to the API": partial(examine_access, settings),
    }
    with ThreadPoolExecutor(len(groups)) as pool:  # one may have to wait for its time-out
        running = [pool.submit(_guarded, name, group, settings) for name, group in groups.items()]
        return [finding for group in running for finding in group.result()]


def _guarded(name: str, group: Callable[[], list[Finding]], settings: Settings) -> list[Finding]:
    try:
        return group()
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        for secret in _secrets(settings):
            said = said.replace(secret, "***")
        return [Finding(name, "bad", f"the check itself failed: {said}", "report this, it is a defect")]


def _secrets(settings: Settings) -> list[str]:
    named = [str(value) for key, value in settings.kafka.client.items() if is_secret(key)]
    for dsn in (settings.database.dsn, settings.database.read_dsn, settings.database.owner_dsn):
        try:
            named.append(str(conninfo_to_dict(dsn or "").get("password") or ""))
        except Exception:  # it cannot be taken apart, so all of it is one
            named.append(dsn or "")
    return [secret for secret in named if secret]
