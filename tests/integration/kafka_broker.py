"""A real single-node Apache Kafka (KRaft, broker and controller in one) from Maven Central, for tests to mistreat."""

import atexit
import base64
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

__all__ = ["CACHE", "KafkaBroker", "MissingError", "fetch"]

CACHE: Final = Path.home() / ".cache" / "candlewick"
_KAFKA, _SLF4J, _PLUGIN = "4.3.1", "1.7.36", "3.8.1"
_POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>candlewick</groupId><artifactId>broker</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{_KAFKA}</version>
    </dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>{_SLF4J}</version></dependency>
  </dependencies></project>"""
_JVM: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")  # starts soonest
_PROPERTIES: Final = {
    "process.roles": "broker,controller", "node.id": "1", "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT",
    "auto.create.topics.enable": "false", "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "1", "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1", "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1", "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1", "share.coordinator.state.topic.min.isr": "1",
    "log.cleaner.dedupe.buffer.size": "2097152",  # the default of 128 MiB is touched at the start
    "log.index.size.max.bytes": "262144",  # of the default of 10 MiB a partition the kernel clears what is looked into
    # After kill -9 the broker may not register again until its old session lapses (default 9 s).
    "broker.session.timeout.ms": "1000", "broker.heartbeat.interval.ms": "200",
}  # fmt: skip
# The kernel's parent-death signal follows the thread that spawned the child, so spawn from one that lasts.
_SETTLED_S: Final = 1.5  # longer than broker.session.timeout.ms
_spawner: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kafka-spawner")


class MissingError(Exception):
    """This machine cannot run Apache Kafka; the text says what it lacks."""


def fetch(cache: Path = CACHE) -> tuple[Path, Path]:
    """The folder of the broker's jars and an archive of their loaded classes, both made once.

    An interrupted or parallel fill does no harm.

    Raises:
        MissingError: a program is not installed, or Maven could not get the jars.
    """
    missing = [name for name in ("java", "mvn", "setpriv") if shutil.which(name) is None]
    if missing:
        raise MissingError(f"{' and '.join(missing)} not on PATH")
    cache.mkdir(parents=True, exist_ok=True)
    jars = cache / f"kafka-{_KAFKA}"
    if not jars.is_dir():
        _fill(jars)
    archive = cache / f"kafka-{_KAFKA}.jsa"
    if not archive.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            dump = Path(folder, "jsa")
            with KafkaBroker(Path(folder, "broker"), jars, jvm=(*_JVM, f"-XX:ArchiveClassesAtExit={dump}")):
                pass
            dump.rename(archive)
    return jars, archive


def _fill(jars: Path) -> None:
    with tempfile.TemporaryDirectory(dir=jars.parent) as folder:
        Path(folder, "pom.xml").write_text(_POM)
        goal = f"org.apache.maven.plugins:maven-dependency-plugin:{_PLUGIN}:copy-dependencies"
        command = ["mvn", "-B", "-q", "-f", f"{folder}/pom.xml", goal, f"-DoutputDirectory={folder}/jars"]
        done = subprocess.run([*command, "-DincludeScope=runtime"], capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
            raise MissingError(f"Maven could not get Kafka {_KAFKA}: {lines[0] if lines else done.returncode}")
        with suppress(OSError):  # another run was sooner
            Path(folder, "jars").rename(jars)


class KafkaBroker:
    """One broker on a free port of 127.0.0.1; a restart serves the same log on the same port.

    ``behind``: the port of a proxy to `inner`; clients who come by it are told to come by it again.
    """

    def __init__(
        self,
        workdir: Path,
        jars: Path,
        *,
        archive: Path | None = None,
        jvm: tuple[str, ...] = _JVM,
        properties: Mapping[str, str] | None = None,
        behind: int | None = None,
    ) -> None:
        self._workdir = workdir.resolve()
        self._data, self._config = self._workdir / "data", self._workdir / "server.properties"
        self._log = self._workdir / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.mistreated = False
        """Whether it was ever killed or paused."""
        # An explicit, sorted class path, since an archive is valid for exactly one.
        path = ":".join(str(jar) for jar in sorted(jars.resolve().glob("*.jar")))
        share = () if archive is None else (f"-XX:SharedArchiveFile={archive}", "-Xshare:auto")
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        self._formatted = jars.with_name(f"{jars.name}-formatted")
        self._java = ["java", "-Xms512m", "-Xmx512m", *jvm, *share, quiet, "-cp", path]
        port, control, self.inner = _free_port(), _free_port(), _free_port()
        self.bootstrap = f"127.0.0.1:{port}"
        proxied, advertised = f",PROXIED://127.0.0.1:{self.inner}", f",PROXIED://127.0.0.1:{behind}"
        if behind is None:
            proxied = advertised = ""
        self._properties = _PROPERTIES | {
            "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{control}{proxied}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}{advertised}",
            "controller.quorum.voters": f"1@127.0.0.1:{control}",
            "log.dirs": str(self._data),
        } | dict(properties or {})  # fmt: skip

    @property
    def client(self) -> dict[str, str]:
        """A client's settings."""
        return {"bootstrap.servers": self.bootstrap}

    @property
    def pid(self) -> int:
        """Of the process, while it runs."""
        assert self._process is not None
        return self._process.pid

    def start(self, timeout_s: float = 60.0) -> None:
        """Format on first use, start, and wait until the broker answers."""
        if not (self._data / "meta.properties").exists():
            self._format()
        command = ["setpriv", "--pdeathsig", "KILL", *self._java, "kafka.Kafka", str(self._config)]
        with self._log.open("ab") as log:
            self._process = _spawner.submit(
                subprocess.Popen, command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            ).result()
        atexit.register(self.kill)
        self._wait_ready(self._process, time.monotonic() + timeout_s)

    def stop(self, timeout_s: float = 20.0) -> None:
        """Shut down cleanly, or kill what takes longer than ``timeout_s``."""
        if self._process is not None:
            self._process.terminate()
            self.resume()  # a paused JVM would not see the signal
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
            self.kill()

    def kill(self) -> None:
        """kill -9: a crash of the process, not of the machine (the page cache survives)."""
        self.mistreated = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            atexit.unregister(self.kill)

    def pause(self) -> None:
        """Stop the process where it is: connections stay, nobody answers."""
        self.mistreated = True
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def recover(self, patience_s: float = 15.0) -> None:
        """Go on after `pause`, and wait until all partitions have had a leader for longer than a session lasts.

        A broker that was frozen may be fenced by its controller only after it has woken up. On a busy machine one that
        is both now and then leads some partitions never again; then it is started anew, as somebody would have to.
        """
        self.resume()
        if not self._settled(patience_s):
            self.kill()
            self.start()
            assert self._settled(patience_s), f"Kafka does not recover:\n{self._words()}"

    def _settled(self, patience_s: float) -> bool:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        deadline, healthy_since = time.monotonic() + patience_s, time.monotonic()
        while time.monotonic() - healthy_since < _SETTLED_S:
            if time.monotonic() > deadline:
                return False
            if not _leads(admin):
                healthy_since = time.monotonic()
            time.sleep(0.05)
        return True

    def _words(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _format(self) -> None:
        self._workdir.mkdir(parents=True, exist_ok=True)
        self._config.write_text("".join(f"{key}={value}\n" for key, value in self._properties.items()))
        cluster = base64.urlsafe_b64encode(b"\0" + os.urandom(15)).decode().rstrip("=")  # must not begin with "-"
        if not self._formatted.is_dir():
            self._run_format_tool(cluster)
            with tempfile.TemporaryDirectory(dir=self._formatted.parent) as folder, suppress(OSError):
                shutil.copytree(self._data, f"{folder}/data")
                Path(folder, "data").rename(self._formatted)  # unless another run was sooner
        shutil.copytree(self._formatted, self._data, dirs_exist_ok=True)
        meta = self._data / "meta.properties"
        meta.write_text(re.sub("(?m)^cluster.id=.*$", f"cluster.id={cluster}", meta.read_text()))

    def _run_format_tool(self, cluster: str) -> None:
        """Takes half as long as the start of the broker, so it is done once a machine."""
        java = [word for word in self._java if "ArchiveClassesAtExit" not in word]
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._config)]
        done = subprocess.run([*java, *tool], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"format failed: {done.stdout}{done.stderr}")

    def _wait_ready(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        cluster = (self._data / "meta.properties").read_text().split("cluster.id=")[1].split()[0]
        host, port = self.bootstrap.split(":")
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError, KafkaException):
                socket.create_connection((host, int(port)), 0.5).close()  # a client that is too early sleeps a second
                admin = AdminClient({**self.client, "log_level": 0})
                if admin.cluster_id(timeout=0.5) == cluster and admin.list_topics(timeout=0.5).brokers:
                    return  # and it is not some other broker on our port
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"Kafka is not ready; its log ends:\n{self._words()}")


def _leads(admin: AdminClient) -> bool:
    try:
        seen = admin.list_topics(timeout=1.0)
    except KafkaException:
        return False
    partitions = [partition for topic in seen.topics.values() for partition in topic.partitions.values()]
    return bool(seen.brokers) and all(partition.leader >= 0 for partition in partitions)


def _free_port() -> int:
    """A port below the ephemeral range: no outgoing connection can take it while the broker is down."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
