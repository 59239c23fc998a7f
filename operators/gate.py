"""Where a key's messages come in: decoded, held against their key and their times, and refused or handed on."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from operators.config import InstrumentConfig
from operators.errors import Refused
from operators.leaps import Held, Leaps
from operators.outbox import Outbox
from schemas.batches import Batch
from schemas.codec import UNREADABLE, parse_event
from schemas.deadletters import plausible_ms
from schemas.market import CONTROL, ExchangeBar, MarketEvent
from schemas.time import MILLISECOND, SECOND, TIMEFRAME_NS

if TYPE_CHECKING:
    from operators.native._native import FastPath

__all__ = ["Gate"]

Handlers = Mapping[type, Callable[[Any], object]]


class Gate:
    """What may be believed of one key's messages, by the log alone.

    A record is from the future if its event lies further ahead of its receipt than the tolerance. One that is as far
    ahead of what its key has come to is held against its message's time stamp too, and, if that agrees, against the
    records around it, see `Leaps`. A handler may refuse a record as well.

    Parameters
    ----------
    handlers
        By type of record; the types that have business under this key.
    outbox
        Takes what is refused.
    fast
        Takes what needs no judgement, as the handlers would.
    """

    def __init__(
        self, handlers: Handlers, config: InstrumentConfig, outbox: Outbox[Any], fast: "FastPath | None" = None
    ) -> None:
        self._own, self._outbox = handlers, outbox
        self._handlers = {kind: handlers.get(kind, self._refuse_type) for kind in get_args(MarketEvent)}
        self._tolerance = config.future_tolerance
        self._leaps = Leaps(config.future_tolerance)
        self._fast = fast

    def take(self, batch: Batch) -> None:
        """Take the messages of one read, in order."""
        key, tolerance, handlers, leaps = self._outbox.instrument_id, self._tolerance, self._handlers, self._leaps
        messages, at, count = batch.messages, 0, len(batch.messages)
        run = None if self._fast is None else self._fast.run
        while at < count:
            if run is not None:
                at = run(messages, at, leaps.limit)
                if at == count:
                    break
            message = messages[at]
            at += 1
            try:
                event = parse_event(message[2])
                received = event.ts_received
                if event.instrument_id != key or event.ts_event > received + tolerance:
                    raise self._misplaced(event)
                if received > leaps.limit and type(event) in self._own:
                    self._judge(batch.partition, message, event)
                else:
                    handlers[type(event)](event)
            except (*UNREADABLE, Refused) as error:
                self._refuse(batch.partition, *message, str(error))

    def reach(self, ts_received: int) -> None:
        """A record was handed on that shows how far the key has come, ``ts_received`` (ns)."""
        for held in self._leaps.reach(ts_received):
            self._refute(held)

    def _misplaced(self, event: MarketEvent) -> Refused:
        key = self._outbox.instrument_id
        if event.instrument_id != key:
            return Refused(f"$.instrument_id is {event.instrument_id!r}, the message's key is {key!r}")
        ahead = (event.ts_event - event.ts_received) / SECOND
        return Refused(f"$.ts_event is from the future: {ahead:.3f} s after it was received")

    def _refuse_type(self, event: MarketEvent) -> None:
        places = ("an instrument, not to the control key", "the control key, not to an instrument")
        raise Refused(f"$.type: {type(event).__name__} belongs to {places[self._outbox.instrument_id != CONTROL]}")

    def _judge(self, partition: int, message: tuple[int, int, bytes], event: MarketEvent) -> None:
        _, ts_ms, _ = message
        ahead = event.ts_received - ts_ms * MILLISECOND
        if ahead > self._tolerance + MILLISECOND:  # time stamps are cut to milliseconds
            raise Refused(f"$.ts_received is from the future: {ahead / SECOND:.3f} s after its message's time stamp")
        patience = TIMEFRAME_NS[event.timeframe] if isinstance(event, ExchangeBar) else 0
        if self._leaps.plain(event.ts_received, patience):
            self._own[type(event)](event)
            return
        taken, refuted = self._leaps.judge(Held(partition, *message, event.ts_received), patience)
        for held in refuted:
            self._refute(held)
        for held in taken:
            believed = parse_event(held.value)
            try:
                self._own[type(believed)](believed)
            except Refused as error:
                self._refuse(held.partition, held.offset, held.ts_ms, held.value, str(error))

    def _refute(self, held: Held) -> None:
        ahead = (held.ts_received - held.since) / SECOND
        reason = f"$.ts_received is {ahead:.3f} s ahead of the records before it, and none after it confirms that"
        self._refuse(held.partition, held.offset, held.ts_ms, held.value, reason)

    def _refuse(self, partition: int, offset: int, ts_ms: int, value: bytes, reason: str) -> None:
        stamp_ms = plausible_ms(ts_ms) or self._leaps.reached // MILLISECOND
        self._outbox.refuse(partition, (offset, stamp_ms, value), reason)

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        return self._leaps.state()

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again.

        Raises:
            LayoutError: of a version from which no way leads here.
        """
        self._leaps.restore(state)
