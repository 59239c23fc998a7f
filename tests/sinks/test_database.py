"""What is said of a connection string: where it points to, and never a part of its password."""

import pytest

from sinks.database import DatabaseError, address, check_dsn, connect, fault

MALFORMED = [
    "postgresql://candlewick:hun@ter2@127.0.0.1:1/candlewick",
    "postgresql://candlewick:hun/ter2@127.0.0.1:1/candlewick",
    "postgresql://candlewick:hun@ter2/hun@127.0.0.1:1/candlewick",
    "postgres://candlewick:hun@ter2@127.0.0.1",
    "postgresql://candlewick:hun%zzter2@127.0.0.1:1/candlewick",
    "postgresql://candlewick:hun/ter2?x@127.0.0.1:1/candlewick",
    "postgresql://candlewick:hun@[ter2@127.0.0.1:1/candlewick",
    "postgresql://candlewick:hunter2",
    "postgres//candlewick:hunter2@127.0.0.1:1/candlewick",
    "host=127.0.0.1 port=1 password=hun ter2",
    "host=127.0.0.1 port=1 password='hun'ter2' dbname=x",
    "host=127.0.0.1 port=hun password=ter2",
    "host 127.0.0.1 password=hunter2",
    "hots=hunter2",
]


@pytest.mark.parametrize("dsn", MALFORMED)
def test_what_is_malformed_is_refused_without_repeating_it(dsn: str) -> None:
    for use in (connect, address, check_dsn):
        with pytest.raises(
            DatabaseError, match=r"^the database's connection string (is|has) .* such as post"
        ) as caught:
            use(dsn)
        assert not any(part in str(caught.value) for part in ("hun", "ter2"))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("dsn", "told"),
    [
        ("", "(libpq's defaults)"),
        ("postgresql://me:hun%40ter2@db.example:5433/market", "host=db.example port=5433 user=me dbname=market"),
        ("postgresql://me%40tenant:hunter2@a:1,b:2/market", "host=a,b port=1,2 user=me@tenant dbname=market"),
        ("host=@abstract user=me password=hun@ter2", "host=@abstract user=me"),
        ("postgresql:///market?host=/run/pg", "host=/run/pg dbname=market"),
    ],
)
def test_an_address_has_everything_but_the_password(dsn: str, told: str) -> None:
    assert fault(dsn) is None
    assert address(dsn) == told
