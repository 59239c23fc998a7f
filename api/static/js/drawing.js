// The parts of the page that have no module of their own: picker, price, and what stands in an empty chart.

import { $, emptiness, make, say } from "./dom.js";
import { SECONDS, moment, names, number } from "./format.js";
import { id, view } from "./view.js";

/** The timeframes as buttons; `onChange(name)` when one is pressed. */
export function drawTimeframes(onChange) {
  $("timeframes").append(
    ...Object.keys(SECONDS).map((name) =>
      make("button", { type: "button", value: name, disabled: true, "aria-pressed": "false", onclick: () => onChange(name) }, name)),
  );
}

/** The instruments there are, and which one and which timeframe is looked at. */
export function drawPicker() {
  $("instrument").disabled = false;
  $("instrument").replaceChildren(
    ...view.instruments.map(({ instrument_id, definition }) =>
      make("option", { value: instrument_id }, names(instrument_id, definition.kind).join("  "))),
  );
  $("instrument").value = id();
  for (const button of $("timeframes").children) {
    button.disabled = false;
    button.setAttribute("aria-pressed", button.value === view.timeframe);
  }
}

/** Middle and spread of a book sample, in the header, the title and the chart's description. */
export function drawPrice(book) {
  const [bid, ask] = [book.bid_prices[0], book.ask_prices[0]];
  const mid = bid && ask ? (bid + ask) / 2 : null;
  const text = number(mid, view.digits);
  const before = Number($("price").dataset.value || mid);
  $("price").className = `price ${mid > before ? "up" : mid < before ? "down" : ""}`;
  $("price").dataset.value = mid ?? "";
  say($("price"), text);
  say($("spread"), mid ? `spread ${number(((ask - bid) / mid) * 1e4, 2)} bps` : "no spread");
  document.title = mid ? `${text} ${names(id())[0]} · Candlewick` : "Candlewick";
  $("chart").setAttribute("aria-label", `${names(id())[0]}, ${view.timeframe} candles, now at ${text}`);
}

/** Forgets the price of another instrument. */
export function clearPrice() {
  delete $("price").dataset.value;
  $("price").className = "price";
  say($("price"), "–");
  say($("spread"), "");
}

/** Says over an empty chart when there will be something, or why not. */
export function drawEmptiness(chart) {
  if (!chart) return;
  const next = Math.ceil(Date.now() / 1000 / view.step) * view.step;
  if (chart.isEmpty) drawInstead(`No ${view.timeframe} bar is stored yet.`, `The next one closes at ${moment(next)}.`);
  else $("chart-empty").hidden = true;
}

/** Says that the chart library is missing. */
export const drawNoChart = () => drawInstead("The chart library is not there.", "`make setup` fetches it; then reload this page.");

/** Says how to get a market. */
export const drawNoMarket = () =>
  drawInstead("No instrument is stored yet.", "`make demo` starts a simulated market. With Kafka of your own, `candlewick ingest`, `run` and `store` bring one here.");

function drawInstead(line, advice) {
  $("chart-empty").hidden = false;
  $("chart-empty").replaceChildren(emptiness(line, advice));
}
