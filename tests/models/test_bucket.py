"""The same registry, in a bucket of a server that speaks S3."""

import logging
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Final

import pytest
from moto.server import ThreadedMotoServer
from msgspec.structs import replace
from pyarrow.fs import S3FileSystem

from models.errors import ModelRefused, RegistryError
from models.registry import Registry
from tests.models.catalogue import CATALOGUE
from tests.models.trees import trained

MADE: Final = trained()


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, int]]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    yield running.get_host_and_port()
    running.stop()


@pytest.fixture
def client(server: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[S3FileSystem]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "candlewick")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    found = S3FileSystem(
        endpoint_override=f"{server[0]}:{server[1]}", scheme="http", region="us-east-1",
        allow_bucket_creation=True, allow_bucket_deletion=True,
    )  # fmt: skip
    found.create_dir("desk")
    yield found
    found.delete_dir("desk")


@pytest.fixture
def place(server: tuple[str, int]) -> Callable[[str], str]:
    host, port = server
    return lambda path: f"s3://{path}?endpoint_override={host}:{port}&scheme=http&region=us-east-1"


@pytest.fixture
def registry(client: S3FileSystem, place: Callable[[str], str]) -> Registry:
    return Registry(place("desk/models"))


def _put(client: S3FileSystem, path: str, content: bytes) -> None:
    with client.open_output_stream(path) as file:
        file.write(content)


def test_versions_are_added_once_listed_and_loaded(registry: Registry, place: Callable[[str], str]) -> None:
    assert registry.models() == []
    version = registry.add(MADE.manifest, MADE.files, CATALOGUE)
    later = registry.add(replace(MADE.manifest, train_end=3 * 10**18), MADE.files, CATALOGUE)
    assert registry.add(MADE.manifest, MADE.files, CATALOGUE) == version
    other = Registry(place("desk/models/"))  # of another worker
    assert (other.models(), other.versions("majors")) == (["majors"], [version, later])
    assert other.load("majors", version, CATALOGUE).files == MADE.files
    with pytest.raises(ModelRefused, match=f"^model majors has no version {'0' * 16} in the registry$"):
        registry.load("majors", "0" * 16, CATALOGUE)


@pytest.mark.parametrize("name", ["model.onnx", "model.txt", "manifest.json"])
def test_a_changed_byte_is_told(registry: Registry, client: S3FileSystem, name: str) -> None:
    path = f"desk/models/majors/{registry.add(MADE.manifest, MADE.files, CATALOGUE)}"
    with client.open_input_stream(f"{path}/{name}") as file:
        data = bytearray(file.read())
    data[len(data) // 2] ^= 1
    _put(client, f"{path}/{name}", bytes(data))
    with pytest.raises(ModelRefused, match=rf"{name} .*was changed: it"):
        registry.load("majors", path[-16:], CATALOGUE)


def test_files_that_lack_or_do_not_belong_are_told(registry: Registry, client: S3FileSystem) -> None:
    version = registry.add(MADE.manifest, MADE.files, CATALOGUE)
    folder = f"desk/models/majors/{version}"
    _put(client, f"{folder}/more.pkl", b"")
    with pytest.raises(ModelRefused, match=r"^more\.pkl is a pickle"):
        registry.load("majors", version, CATALOGUE)
    client.delete_file(f"{folder}/more.pkl")
    client.delete_file(f"{folder}/model.txt")
    with pytest.raises(ModelRefused, match=r"^model\.txt is missing"):
        registry.load("majors", version, CATALOGUE)


def test_an_add_that_died_before_its_manifest_has_left_no_version(registry: Registry, client: S3FileSystem) -> None:
    version = registry.add(MADE.manifest, MADE.files, CATALOGUE)
    client.delete_file(f"desk/models/majors/{version}/manifest.json")
    _put(client, f"desk/models/majors/{version}/model.txt", b"half")
    assert registry.models() == []
    assert registry.add(MADE.manifest, MADE.files, CATALOGUE) == version
    assert registry.load("majors", version, CATALOGUE).version == version


def test_what_a_bucket_does_not_give_is_one_line(
    client: S3FileSystem, server: tuple[str, int], place: Callable[[str], str]
) -> None:
    with pytest.raises(ModelRefused, match=r"^registry s3://nowhere/models: there is no bucket nowhere$"):
        Registry(place("nowhere/models")).add(MADE.manifest, MADE.files, CATALOGUE)
    with pytest.raises(ModelRefused, match=r"^registry s3://desk: AWS Error NETWORK_CONNECTION .*127\.0\.0\.1:9"):
        Registry("s3://desk?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1").models()
    _guard(server, "0")
    try:
        with pytest.raises(ModelRefused, match=r"^registry s3://desk: AWS Error INVALID_ACCESS_KEY_ID [^\n]*$"):
            Registry(place("desk")).models()
        with pytest.raises(RegistryError, match=r"^registry s3://desk: AWS Error ACCESS_DENIED [^\n]*$"):
            Registry(place("desk")).add(MADE.manifest, MADE.files, CATALOGUE)
    finally:
        _guard(server, "Infinity")


def _guard(server: tuple[str, int], after: str) -> None:
    """Let the server look at keys from so many requests on."""
    connection = HTTPConnection(*server)
    connection.request("POST", "/moto-api/reset-auth", body=after)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("s3://", "s3://bucket/prefix is asked for"),
        ("s3://Desk/models", "s3://bucket/prefix is asked for"),
        ("s3://key:hunter2@desk", "credentials do not belong here"),
        ("s3://desk?host=x", "no option host, there are endpoint_override, scheme, region"),
        ("s3://desk?scheme=ftp", "scheme ftp is neither http nor https"),
    ],
)
def test_a_place_that_is_none_is_told(place: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=reason) as caught:
        Registry(place)
    assert "hunter2" not in str(caught.value)
