"""OKX's instruments: from its own lists, or plainly from their names."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from schemas.market import InstrumentDefinition
from schemas.time import MILLISECOND
from sources.normalise.fields import EIGHT_HOURS, expiry_of, step
from sources.normalise.venue import NormaliseError, NotOurs

__all__ = ["definitions", "describe"]

_STATUS: Final = {"live": "trading", "expired": "delisted"}


def describe(symbol: str) -> InstrumentDefinition:
    """The plain definition of an instrument, without tick and lot.

    An inverse contract is worth 100 USD for BTC and 10 USD for all others. What a linear one is worth differs by coin
    and is only in the list: without it the multiplier is taken to be 1.
    """
    match symbol.split("-"):
        case [base, quote] if base and quote:
            return _definition(base, quote, kind="spot")
        case [base, quote, term] if base and quote.isalnum():
            inverse = quote == "USD"
            contract: dict[str, Any] = {
                "settle": base if inverse else quote,
                "inverse": inverse,
                "contract_multiplier": {"BTC": 100.0}.get(base, 10.0) if inverse else 1.0,
            }
            if term == "SWAP":
                return _definition(base, quote, kind="perpetual", funding_interval=EIGHT_HOURS, **contract)
            return _definition(base, quote, term, kind="future", expiry=expiry_of(term), **contract)
        case [_, _, _, *_]:
            raise NotOurs(f"{symbol} is an option, or of a kind unknown here")
    raise NormaliseError(f"{symbol!r} is no name of an instrument")


def definitions(body: bytes) -> Iterator[tuple[str, InstrumentDefinition]]:
    """Name and definition of everything but options in an answer of ``/api/v5/public/instruments``."""
    for entry in msgspec.json.decode(body)["data"]:
        symbol = entry["instId"]
        try:
            plain = describe(symbol)
        except NotOurs:
            continue
        contract = plain.settle is not None
        full = msgspec.structs.replace(
            plain,
            tick_size=step(entry["tickSz"]),
            lot_size=step(entry["lotSz"]),
            settle=entry["settleCcy"] or None,
            inverse=entry["ctType"] == "inverse",
            contract_multiplier=float(entry["ctVal"]) * float(entry["ctMult"] or 1) if contract else 1.0,
            expiry=int(entry["expTime"]) * MILLISECOND if entry["expTime"] else None,
            status=_STATUS.get(entry["state"], "halted"),
        )
        yield symbol, full


def _definition(base: str, quote: str, term: str = "", **rest: Any) -> InstrumentDefinition:
    settle = rest.get("settle")
    name = f"{base}/{quote}" + (f":{settle}" if settle else "") + (f"-{term}" if term else "")
    return InstrumentDefinition(instrument_id=f"okx:{name}", ts_event=0, ts_received=0, base=base, quote=quote, **rest)
