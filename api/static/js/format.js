// Numbers and times as people read them.

export const SECONDS = { "1m": 60, "5m": 300, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400 };

/** Whole seconds of a time in ns; exact, as a double holds every multiple of a second there is. */
export const seconds = (ns) => Math.round(ns / 1e9);

export const toISO = (epochSeconds) => new Date(epochSeconds * 1000).toISOString();

/** Decimals that a tick size needs (0.05 → 2), or, where it is not known, a price for six figures (0.1234 → 6). */
export function decimals(tick, price) {
  if (!tick) return price ? Math.min(12, Math.max(0, 5 - Math.floor(Math.log10(price)))) : 2;
  const text = tick.toString();
  return text.includes("e-") ? Number(text.split("e-")[1]) : (text.split(".")[1] ?? "").length;
}

const formats = new Map();

export function number(value, digits) {
  if (value === null || value === undefined) return "–";
  if (!formats.has(digits)) {
    formats.set(digits, new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  }
  return formats.get(digits).format(value);
}

const compact = new Intl.NumberFormat("en", { notation: "compact", minimumSignificantDigits: 3, maximumSignificantDigits: 3 });

/** A size in at most six characters: 0.041, 12.30, 4.1K. */
export function amount(value) {
  if (value === null || value === undefined) return "–";
  return value < 1000 ? number(value, value < 10 ? 3 : value < 100 ? 2 : 1) : compact.format(value);
}

/** A number of things: 7, 1,204, 48.2K. */
export const count = (value) => (value < 10_000 ? number(value, 0) : compact.format(value));

export const percent = (value, digits = 0) => `${number(value * 100, digits)}%`;

export const signed = (value, digits) => (value > 0 ? "+" : value < 0 ? "−" : "") + number(Math.abs(value), digits);

/** A span in its two largest units: 4 s, 2 m 5 s, 3 h 10 m, 12 d. */
export function span(secondsLong) {
  const s = Math.max(0, Math.round(secondsLong));
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 && s < 600 ? `${Math.floor(s / 60)} m ${s % 60} s` : `${Math.floor(s / 60)} m`;
  if (s < 172_800) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} m`;
  return `${Math.floor(s / 86_400)} d`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** The time of day, with the date in front of it when that is not today's. */
export function moment(epochSeconds) {
  const at = new Date(epochSeconds * 1000);
  const today = day.format(at) === day.format(new Date());
  return today ? clock.format(at) : `${day.format(at)} ${clock.format(at)}`;
}

/** `sim:BTC/USDT:USDT` → ["BTC/USDT", "perpetual · sim"]. */
export function names(instrumentId, kind) {
  const [venue, symbol, settle] = instrumentId.split(":");
  return [symbol ?? instrumentId, `${kind ?? (settle ? "perpetual" : "spot")} · ${venue}`];
}

const GAPS = {
  book_sequence: "Book updates missing",
  book_checksum: "Book checksum wrong",
  book_crossed: "Book crossed",
  book_resync: "Book in sequence again",
  trade_sequence: "Trades missing",
  disconnected: "Nobody listened",
  late: "Came late",
  too_late: "Came too late",
  left_out: "Not waited for",
  undecided: "Not decided on",
  bar_differs: "Bar unlike the exchange's",
};

export const gapName = (kind) => GAPS[kind] ?? kind.replaceAll("_", " ");
