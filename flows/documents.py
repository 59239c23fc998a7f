"""Writes the contracts of all topics for readers in other languages."""

import json
from importlib.metadata import version
from pathlib import Path

from flows.errors import FlowError
from schemas.documents import asyncapi, json_schema
from schemas.topics import TOPICS

__all__ = ["write_documents"]


def write_documents(directory: Path, partitions: int) -> list[Path]:
    """Write ``<topic>.schema.json`` for each topic and ``asyncapi.json`` to ``directory``, made if missing.

    Parameters:
        partitions: of the log.

    Raises:
        FlowError: ``directory`` cannot be written.
    """
    documents = {f"{topic.name}.schema.json": json_schema(topic) for topic in TOPICS}
    documents["asyncapi.json"] = asyncapi(version("candlewick"), partitions)
    written = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, document in documents.items():
            path = directory / name
            path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
            written.append(path)
    except OSError as error:
        raise FlowError(f"--out {directory}: {error.strerror}; name a directory that can be written") from error
    return written
