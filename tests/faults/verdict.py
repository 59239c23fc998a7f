"""What a run left behind, held against the golden results."""

from collections import Counter
from typing import Any, Final, NamedTuple

from schemas.message import Message
from sinks.migrate import migrate
from sinks.timescale import TimescaleWriter
from tests.integration.contents import contents
from tests.integration.golden import Golden
from tests.integration.pipeline import Read
from tests.integration.timescale_fixtures import new_database

__all__ = ["Tables", "Verdict", "compare", "compare_tables", "counts", "tables_of"]

Tables = dict[str, list[tuple[Any, ...]]]
"""Every row of every table, without the wall clock of the storing and without offsets."""

_COMPACTED: Final = "reference.instruments"
"""Written again after a resume, as there it is the order of the last records that counts; its rows tell."""


class Verdict(NamedTuple):
    """How many identifiers, or rows, are not as in the golden run."""

    lost: int
    doubled: int
    """Signals that a reader of committed messages sees more than once; rows."""
    changed: int
    invented: int
    repeated: int = 0
    """Features that are there again with equal content: allowed, since readers go by identifier."""

    @property
    def good(self) -> bool:
        """Nothing lost, nothing doubled, nothing else."""
        return not any(self._replace(repeated=0))


def compare(found: Read, golden: Golden) -> Verdict:
    """The topics, as a reader of committed messages sees them."""
    count: Counter[str] = Counter()
    for topic in found.keys() - {_COMPACTED}:
        values, wanted = found[topic], golden.get(topic, {})
        count["lost"] += len(wanted.keys() - values.keys())
        count["invented"] += len(values.keys() - wanted.keys())
        for identifier, copies in values.items():
            count["changed"] += identifier in wanted and {*copies} != {wanted[identifier]}
            count["doubled" if topic.startswith("signals.") else "repeated"] += len(copies) - 1
    return Verdict(*(count[field] for field in Verdict._fields))


def compare_tables(dsn: str, expected: Tables) -> Verdict:
    """The rows in a database; one that differs counts as lost and as invented."""
    count: Counter[str] = Counter()
    found = rows_of(dsn)
    for name, wanted in expected.items():
        rows, due = Counter(map(repr, found[name])), Counter(map(repr, wanted))
        count["lost"] += (due - rows).total()
        count["invented"] += len((rows - due).keys() - due.keys())
        count["doubled"] += sum(n - 1 for n in rows.values())
    return Verdict(*(count[field] for field in Verdict._fields))


def tables_of(golden: Golden, server: str) -> Tables:
    """The rows that ``golden`` makes, by way of a database of its own beside that of the connection string."""
    with new_database(server) as dsn:
        migrate(dsn)
        writer = TimescaleWriter(dsn)
        for topic, values in golden.items():
            writer.write([Message(topic, 0, n, 0, b"", value) for n, value in enumerate(values.values())])
        writer.close()
        return rows_of(dsn)


def rows_of(dsn: str) -> Tables:
    """All that is in a database."""
    found = contents(dsn)
    del found["stream_offsets"]
    return found


def counts(dsn: str) -> dict[str, int]:
    """Rows by table."""
    return {name: len(rows) for name, rows in rows_of(dsn).items()}
