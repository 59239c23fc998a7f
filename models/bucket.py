"""A registry in an S3-compatible bucket: an object a file, the manifest last."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from models.directory import MOST
from models.errors import ModelRefused, RegistryAway, RegistryError

if TYPE_CHECKING:  # slow to import, and only a registry in a bucket needs it
    from pyarrow.fs import S3FileSystem

__all__ = ["Bucket"]

_MANIFEST: Final = "manifest.json"
_OPTIONS: Final = ("endpoint_override", "scheme", "region")
"""Of the client, with pyarrow's names."""
_CONNECT_S: Final = 5.0
_ANSWER_S: Final = 20.0
"""Without a byte; the desk waits for a version as long, three times at most."""


class Bucket:
    """See `models.registry.Storage`.

    A version is there once its manifest is, which is written last; an object is replaced as a whole, and what is
    written twice is the same, as its name derives from it. So nothing has to be held while a version is added.

    Parameters:
        place: ``s3://bucket/prefix?endpoint_override=HOST:PORT&scheme=http&region=REGION``, of which only the bucket
            has to be there. Credentials are found as every AWS client finds them.

    Raises:
        RegistryError: it is no such place.
    """

    def __init__(self, place: str) -> None:
        parts, self._place = urlsplit(place), place.partition("?")[0]
        if "@" in parts.netloc:
            raise RegistryError(
                "registry s3://…@…: credentials do not belong here; AWS_ACCESS_KEY_ID and its like tell them"
            )
        if parts.scheme != "s3" or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", parts.netloc):
            raise RegistryError(f"registry {place}: s3://bucket/prefix is asked for")
        self._options: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
        strangers = sorted(set(self._options) - set(_OPTIONS))
        if strangers:
            raise RegistryError(f"registry {self._place}: no option {strangers[0]}, there are {', '.join(_OPTIONS)}")
        if self._options.get("scheme", "https") not in {"http", "https"}:
            raise RegistryError(f"registry {self._place}: scheme {self._options['scheme']} is neither http nor https")
        self._bucket, self._root = parts.netloc, f"{parts.netloc}/{parts.path.strip('/')}".rstrip("/")

    @cached_property
    def _client(self) -> "S3FileSystem":
        from pyarrow.fs import S3FileSystem

        return S3FileSystem(connect_timeout=_CONNECT_S, request_timeout=_ANSWER_S, **self._options)

    def models(self) -> list[str]:
        """First parts of the names below the prefix."""
        return sorted({path.partition("/")[0] for path in self._below("")})

    def versions(self, model: str) -> list[str]:
        """Those whose manifest is there."""
        found = [path.split("/") for path in self._below(f"/{model}")]
        return [parts[0] for parts in found if parts[1:] == [_MANIFEST]]

    def holds(self, model: str, version: str) -> bool:
        """Whether its manifest is there.

        Raises:
            RegistryAway: the bucket does not say.
        """
        from pyarrow.fs import FileType

        with self._told(RegistryAway):
            found = self._client.get_file_info(f"{self._root}/{model}/{version}/{_MANIFEST}")
        if found.type == FileType.NotFound:
            self._see_bucket()
        return bool(found.type == FileType.File)

    def files(self, model: str, version: str) -> set[str]:
        """Names of all that is in a version.

        Raises:
            RegistryAway: the bucket does not say.
        """
        return set(self._below(f"/{model}/{version}"))

    def read(self, model: str, version: str, name: str) -> bytes:
        """One file of a version.

        Raises:
            RegistryAway: it is not there, or cannot be read.
            ModelRefused: it is too large.
        """
        with self._told(RegistryAway), self._client.open_input_stream(f"{self._root}/{model}/{version}/{name}") as file:
            content: bytes = file.read(MOST + 1)
        if len(content) > MOST:
            raise ModelRefused(f"{name} of {model} {version} has more than {MOST} bytes")
        return content

    def add(self, model: str, version: str, files: Mapping[str, bytes]) -> None:
        """Write the files, then the manifest.

        Raises:
            RegistryError: the bucket cannot be written.
        """
        with self._told(RegistryError):
            for name in sorted(files, key=lambda name: (name == _MANIFEST, name)):
                path = f"{self._root}/{model}/{version}/{name}"
                with self._client.open_output_stream(path) as file:
                    file.write(files[name])

    def _below(self, folder: str) -> list[str]:
        """Names of the objects in ``folder``, and deeper, relative to it."""
        from pyarrow.fs import FileSelector, FileType

        root = self._root + folder
        with self._told(RegistryAway):
            found = self._client.get_file_info(FileSelector(root, recursive=True, allow_not_found=True))
        if not found:
            self._see_bucket()
        return sorted(each.path.removeprefix(f"{root}/") for each in found if each.type == FileType.File)

    def _see_bucket(self) -> None:
        from pyarrow.fs import FileType

        with self._told(RegistryAway):
            if self._client.get_file_info(self._bucket).type == FileType.NotFound:
                raise RegistryAway(f"registry {self._place}: there is no bucket {self._bucket}")

    @contextmanager
    def _told(self, kind: type[RegistryError]) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise kind(f"registry {self._place}: {_reason(str(error))}") from error


def _reason(text: str) -> str:
    """What the server said, without the number of the request."""
    found = re.search(r"AWS Error .*", text, re.DOTALL)
    return " ".join(re.sub(r"\(Request ID: [^)]*\)", "", found[0] if found else text).split())
