"""Every setting, from ``candlewick.toml`` and ``CANDLEWICK_SECTION__KEY``; only here is the environment read."""

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.errors import CandlewickError
from schemas.failpoints import arm, parse
from schemas.market import RegimeName
from schemas.time import SECOND, TIMEFRAMES, Timeframe
from sinks.health import Limits

__all__ = [
    "ApiSettings",
    "CostSettings",
    "DatabaseSettings",
    "EngineSettings",
    "KafkaSettings",
    "MarketSettings",
    "MlflowSettings",
    "ModelsSettings",
    "RiskSettings",
    "Settings",
    "SettingsError",
    "StrategySettings",
    "SupervisorSettings",
    "kafka_client",
    "limits",
    "load",
]  # fmt: skip

Seconds = Annotated[float, Field(ge=0, le=86_400)]
_SECRET: Final = re.compile(r"passw|secret|\bkey\b|dsn|oauth|^kafka(\.client|$)|^database", re.IGNORECASE)
_LINK: Final = re.compile(
    r"(\w+_)?(service_host|service_port(_\w+)?|port_\d+_(tcp|udp|sctp)_\w+)=|\w+=(tcp|udp|sctp)://"
)
"""What Kubernetes puts into every environment for a service, which may well be named after us."""
_OBJECT: Final = {"dict_type", "model_type"}  # pydantic's names of errors


def _rising(values: tuple[float, ...]) -> tuple[float, ...]:
    if not all(near < far for near, far in pairwise(values)):
        raise ValueError("each has to be above the one before it")
    return values


def _failpoint(value: str) -> str:
    if value:
        parse(value)
    return value


def _flat(value: Any) -> Any:
    """In TOML ``sasl.password = ...`` without quotes is a table in a table; librdkafka's names are meant."""
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, part in value.items():
        inner = {f".{key}": each for key, each in _flat(part).items()} if isinstance(part, dict) else {"": part}
        found.update({f"{name}{key}": each for key, each in inner.items()})
    return found


def _place(value: Any) -> str | Path:
    if not isinstance(value, str | Path):
        raise ValueError("has to be a directory or s3://bucket/prefix")
    return value


def _scalar(value: Any) -> str | int | float | bool:
    if not isinstance(value, str | int | float):
        raise ValueError("has to be a text, a number, true or false")
    return value


Client = Annotated[dict[str, Annotated[str | int | float | bool, PlainValidator(_scalar)]], BeforeValidator(_flat)]
Place = Annotated[Annotated[str, Field(pattern="^s3://")] | Path, BeforeValidator(_place)]
Timeframes = Annotated[tuple[Timeframe, ...], Field(min_length=1)]
Tier = tuple[Annotated[float, Field(ge=0, le=1e15)], Annotated[float, Field(ge=-100, le=1_000)]]
Tiers = Annotated[tuple[Tier, ...], Field(min_length=1)]
Reach = Annotated[float, Field(gt=0, le=100)]
Named = Annotated[str, Field(pattern=r"^[^\s/]+/[^\s/]+$", max_length=128)]
Origin = Annotated[str, Field(pattern=r"^https?://[^/?#@*\s]+$")]


class SettingsError(CandlewickError):
    """A setting that cannot be used; the text names its key, its value and what is allowed."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _listed(cls, value: Any, about: ValidationInfo) -> Any:
        """Lists may also be written with commas, as one does in an environment."""
        if not isinstance(value, str) or get_origin(cls.model_fields[str(about.field_name)].annotation) is not tuple:
            return value
        return json.loads(value) if value.startswith("[") else [part.strip() for part in value.split(",")]


class KafkaSettings(_Section):
    """Where the topics are. ``client`` is handed to librdkafka as it stands (TLS, SASL, timeouts)."""

    bootstrap: str = "127.0.0.1:9092"
    partitions: Annotated[int, Field(ge=1, le=1024)] = 12
    replication: Annotated[int, Field(ge=1, le=9)] = 1
    transactions: bool = True
    """Off only for brokers that have none (the embedded one): then a crash may repeat a signal."""
    client: Client = {}


class DatabaseSettings(_Section):
    """libpq connection strings: of a role that may write, one that may only read, and the one that owns the tables."""

    dsn: str = "postgresql://candlewick@127.0.0.1:5432/candlewick"
    read_dsn: str | None = None
    owner_dsn: str | None = None

    @property
    def owner(self) -> str:
        """Who may change tables and keys."""
        return self.owner_dsn or self.dsn

    @property
    def reader(self) -> str:
        """Who may read results and check keys."""
        return self.read_dsn or self.dsn


class EngineSettings(_Section):
    """The dataflow. A change of the first group changes results; of the second, only how they are reached."""

    timeframes: Timeframes = TIMEFRAMES
    allowed_lateness_s: Seconds = 2.5  # trades came up to 2.05 s late around a funding settlement (Binance, 2023-04-05)
    heartbeat_timeout_s: Seconds = 5.0
    future_tolerance_s: Seconds = 5.0  # a receiver's clock was seen 1.3 s behind the exchange's
    member_timeout_s: Seconds = 30.0
    book_sample_s: Annotated[float, Field(ge=0.001, le=86_400)] = 1.0
    book_depth: Annotated[int, Field(ge=20, le=100_000)] | None = None

    workers: Annotated[int, Field(ge=1, le=64)] = 1
    recovery_dir: Path = Path(".candlewick/recovery")
    epoch_interval_s: Annotated[float, Field(ge=0.05, le=600)] = 10.0
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    native: bool = True
    max_ahead_s: Annotated[float, Field(ge=1, le=86_400)] = 600.0
    max_waiting: Annotated[int, Field(ge=1_000)] = 100_000

    @property
    def allowed_lateness(self) -> int:
        """Nanoseconds."""
        return round(self.allowed_lateness_s * SECOND)


class StrategySettings(_Section):
    """The rule strategy: how much has to agree, and how long a signal lives, in bars of its timeframe."""

    timeframes: Timeframes = ("1m", "5m", "15m")
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.45
    stop_atr: Annotated[float, Field(gt=0, le=20)] = 1.5
    targets_atr: Annotated[tuple[Reach, Reach, Reach], AfterValidator(_rising)] = (1.5, 3.0, 4.5)
    horizon_bars: Annotated[int, Field(ge=1, le=1_000)] = 24
    entry_bars: Annotated[int, Field(ge=1, le=1_000)] = 3
    cooldown_bars: Annotated[int, Field(ge=0, le=1_000)] = 10


class CostSettings(_Section):
    """What a trade costs beside bid and ask, for labels and outcomes."""

    taker_fees: Tiers = ((0.0, 5.0), (15e6, 4.0), (50e6, 3.5), (100e6, 3.2))  # Binance USD-M
    traded: Annotated[float, Field(ge=0, le=1e15)] = 0.0
    slippage_bps: Annotated[float, Field(ge=0, le=1_000)] = 1.0
    slippage_notional: Annotated[float, Field(gt=0, le=1e12)] = 100_000.0
    notional: Annotated[float, Field(gt=0, le=1e12)] = 10_000.0
    half_spread_bps: Annotated[float, Field(ge=0, le=1_000)] = 1.0
    latency_s: Annotated[float, Field(ge=0, le=3_600)] = 0.25


class RiskSettings(_Section):
    """What the suggested size risks between entry and stop, and the spread beyond which nothing is published."""

    risk_per_trade: Annotated[float, Field(gt=0, le=1e9)] = 100.0  # quote currency
    max_spread_bps: Annotated[float, Field(gt=0, le=1_000)] = 10.0
    regime_sizes: dict[RegimeName, Annotated[float, Field(ge=0, le=1)]] = {}


class MarketSettings(_Section):
    """What instruments are compared with: ``venue:symbol``, or a symbol, which stands for that of the same venue."""

    btc: Named = "BTC/USDT:USDT"
    eth: Named = "ETH/USDT:USDT"
    sol: Named = "SOL/USDT:USDT"
    sectors: dict[str, tuple[Named, ...]] = {
        "layer 1": ("ETH/USDT:USDT", "SOL/USDT:USDT", "BNB/USDT:USDT", "ADA/USDT:USDT", "AVAX/USDT:USDT"),
        "payments": ("XRP/USDT:USDT", "LTC/USDT:USDT", "BCH/USDT:USDT", "XLM/USDT:USDT"),
        "memes": ("DOGE/USDT:USDT", "1000SHIB/USDT:USDT", "1000PEPE/USDT:USDT"),
    }

    metric_life_days: Annotated[float, Field(gt=0, le=366)] = 2.0

    @field_validator("sectors")
    @classmethod
    def _apart(cls, sectors: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        named = Counter(name for names in sectors.values() for name in set(names))
        twice = [name for name, count in named.items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]} is in two sectors, one is allowed")
        return sectors


class ModelsSettings(_Section):
    """Where versions of models lie, and what they may do to a candidate."""

    dir: Place = Path(".candlewick/models")
    min_probability: Annotated[float, Field(ge=0, lt=1)] | None = None
    max_disagreement: Annotated[float, Field(gt=0, le=0.5)] = 0.15
    online: bool = False
    given_up: tuple[Annotated[str, Field(pattern="^[0-9a-f]{16}$")], ...] = ()


class MlflowSettings(_Section):
    """A tracking server that training runs are written to."""

    uri: Annotated[str, Field(pattern="^https?://")] | None = None
    experiment: Annotated[str, Field(min_length=1, max_length=200)] = "candlewick"


class ApiSettings(_Section):
    """Where the read endpoint listens."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8300
    allowed_hosts: tuple[str, ...] = ()
    """Names beside ``localhost`` and plain addresses under which browsers may reach it."""
    open_to_all: bool = False
    """Whoever reaches it may read without a key."""
    cors_origins: tuple[Origin, ...] = ()
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    rate_limit: Annotated[float, Field(ge=1, le=1e6)] = 100.0
    max_connections: Annotated[int, Field(ge=8, le=100_000)] = 512
    max_connections_each: Annotated[int, Field(ge=8, le=100_000)] = 128  # a browser opens six, and a WebSocket
    max_clients: Annotated[int, Field(ge=1, le=100_000)] = 200
    max_clients_each: Annotated[int, Field(ge=1, le=100_000)] = 50
    tls_certificate: Path | None = None
    tls_key: Path | None = None


class SupervisorSettings(_Section):
    """What the supervisor takes for too long. ``dir`` holds what every process tells of itself."""

    dir: Path = Path(".candlewick/vitals")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8301
    stall_s: Annotated[float, Field(ge=1, le=3_600)] = 20.0  # a batch or an epoch takes less than a second
    start_s: Annotated[float, Field(ge=5, le=86_400)] = 300.0
    liveness_s: Seconds = 10.0
    max_lag_s: Seconds = 10.0
    max_wait_s: Seconds = 30.0
    deaths: Annotated[int, Field(ge=1, le=1_000)] = 5
    deaths_within_s: Seconds = 60.0


class Settings(BaseSettings):
    """All sections. Environment wins over the file, the file over the defaults."""

    model_config = SettingsConfigDict(
        env_prefix="CANDLEWICK_", env_nested_delimiter="__", toml_file="candlewick.toml", extra="forbid", frozen=True
    )

    profile: Literal["standard", "embedded"] = "standard"
    kafka: KafkaSettings = KafkaSettings()
    database: DatabaseSettings = DatabaseSettings()
    engine: EngineSettings = EngineSettings()
    strategy: StrategySettings = StrategySettings()
    risk: RiskSettings = RiskSettings()
    costs: CostSettings = CostSettings()
    market: MarketSettings = MarketSettings()
    models: ModelsSettings = ModelsSettings()
    mlflow: MlflowSettings = MlflowSettings()
    api: ApiSettings = ApiSettings()
    supervisor: SupervisorSettings = SupervisorSettings()
    failpoint: Annotated[str, AfterValidator(_failpoint)] = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        unknown = set(self.strategy.timeframes) - set(self.engine.timeframes)
        if unknown:
            raise ValueError(f"strategy.timeframes has {', '.join(sorted(unknown))}, which engine.timeframes lacks")
        if (self.api.tls_certificate is None) != (self.api.tls_key is None):
            raise ValueError("api.tls_certificate and api.tls_key come together, and one of them is missing")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003, the signature is pydantic's
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003, the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003, the signature is pydantic's
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then file."""
        return init_settings, _Environment(settings_cls), TomlConfigSettingsSource(settings_cls)


class _Environment(EnvSettingsSource):
    """The environment, with what is wrong in it handed on to where keys are named."""

    def __call__(self) -> dict[str, Any]:
        """What is set, and what is not known but bears our name."""
        found: dict[str, Any] = {}
        for name, value in self.env_vars.items():
            key = name.removeprefix(self.env_prefix.lower())
            known = key == name or key.partition("__")[0] in self.settings_cls.model_fields
            if not known and not _LINK.match(f"{key}={value}"):
                found[key.replace("__", ".")] = value
        return found | super().__call__()

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """``value`` as JSON, or as it stands if it is none."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value


class _Embedded(Settings):
    """For the demo: a ``candlewick.toml`` that lies about is of another installation."""

    model_config = SettingsConfigDict(toml_file=None)


def load(*, with_file: bool = True, **overrides: Any) -> Settings:
    """Those in force; ``with_file``: ``candlewick.toml`` of the working directory among them; arms the failpoint.

    Raises:
        SettingsError: one line a wrong key: its full name, the value found, what is allowed.
    """
    if with_file and Path("candlewick.toml").is_dir():
        raise SettingsError("candlewick.toml: a directory, not a file of settings")
    try:
        settings = (Settings if with_file else _Embedded)(**overrides)
    except ValidationError as error:
        raise SettingsError("\n".join(_line(entry) for entry in error.errors())) from error
    except (OSError, ValueError) as error:  # an unreadable or ungrammatical file
        raise SettingsError(f"candlewick.toml: {error}") from error
    arm(settings.failpoint)
    return settings


def limits(settings: Settings) -> Limits:
    """What readiness takes for too long."""
    told = settings.supervisor
    return Limits(liveness_s=told.liveness_s, max_lag_s=told.max_lag_s, max_wait_s=told.max_wait_s)


def kafka_client(settings: Settings) -> dict[str, str | int | float | bool]:
    """What every Kafka client of ours is told about the broker."""
    return {"bootstrap.servers": settings.kafka.bootstrap, **settings.kafka.client}


def _line(entry: Any) -> str:
    key = ".".join(str(part) for part in entry["loc"] if part != "[key]")  # of what a table must not have
    if entry["type"] == "extra_forbidden":
        return f"setting {key}: there is no such key"
    if not key:
        return f"settings: {entry['msg'].removeprefix('Value error, ')}"
    value = repr(entry["input"])
    value = "(hidden)" if _SECRET.search(key) or _SECRET.search(value) else value
    reason = 'it has to be a JSON object, as {"key": 1}' if entry["type"] in _OBJECT else entry["msg"]
    return f"setting {key} = {value}: {reason.removeprefix('Value error, ')}"
