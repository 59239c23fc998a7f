// What is looked at, and what is known of it. One object that the others read and main.js changes.

export const view = {
  instruments: [],
  instrument: null, // what /instruments says of the one looked at
  timeframe: "1m",
  step: 60, // s, a bar's length
  digits: 2, // decimals of a price
  lastClose: null, // s
  bookSince: null, // s, of the newest sample seen
  forming: null,
  vectors: [],
  selected: null, // a signal's identifier
  chosen: false, // by a person: then newer signals do not take its place
  complete: false, // whether the chart holds what there was when it was turned to
  generation: 0, // grows with each turn: answers to an older one are dropped
};

export const id = () => view.instrument.instrument_id;
export const tick = () => view.instrument.definition.tick_size ?? 10 ** -view.digits;

/** The time (s) up to which anything of the instrument is known, and whether its book is. */
export function newest() {
  const { newest_book: book, newest_close: close } = view.instrument ?? {};
  const known = [view.bookSince, book && book / 1e9, close && close / 1e9].filter((at) => at);
  return { at: known.length ? Math.max(...known) : null, hasBook: Boolean(view.bookSince ?? book) };
}

/** The place in the address, so that a reload or a link shows the same. */
export function writePlace() {
  const place = new URLSearchParams({ instrument: id(), timeframe: view.timeframe });
  if (view.chosen && view.selected) place.set("signal", view.selected);
  history.replaceState(null, "", `#${place}`);
}

export const readPlace = () => new URLSearchParams(location.hash.slice(1));
