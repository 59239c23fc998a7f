"""What the figures were measured on."""

import os
import platform
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import confluent_kafka

__all__ = ["machine", "processor_s"]

_PACKAGES: Final = ("bytewax", "confluent-kafka", "msgspec")
_PEERS: Final = (
    "bytewax", "confluent-kafka", "msgspec", "nautilus-trader", "pathway", "quixstreams", "TA-Lib", "talipp",
)  # fmt: skip


def machine(peers: str | None) -> dict[str, Any]:
    """Processor, memory, versions, and how busy it was with other things."""
    return {
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gib": round(int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20, 1),
        "load_before": [round(load, 2) for load in os.getloadavg()],
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "python_optimised": "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or ""),
        "librdkafka": confluent_kafka.libversion()[0],
        "kafka": "4.3.1",
        "packages": {name: _version(name) for name in _PACKAGES},
        "peers": {} if peers is None else _versions(peers),
        "commit": _commit(),
    }


def processor_s(process: int) -> float:
    """Seconds of CPU time that a process has had, all its threads together."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _versions(python: str) -> dict[str, str]:
    code = f"from importlib.metadata import version\nfor name in {_PEERS}: print(name, version(name))"
    out = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in out.splitlines())


def _commit() -> str:
    here = Path(__file__).resolve().parents[1]
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
