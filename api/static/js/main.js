// Puts the page together: what is looked at, what is asked for and when, and who shows it.

import { follow, of, read } from "./api.js";
import { createPriceChart } from "./chart.js";
import { detail } from "./detail.js";
import { $, emptiness, make, say } from "./dom.js";
import { SECONDS, decimals, moment, names, number, seconds, toISO } from "./format.js";
import { begin } from "./forming.js";
import { Ladder } from "./ladder.js";
import { quality } from "./quality.js";
import { SignalList } from "./signals.js";
import { Status } from "./status.js";

const BARS = 500;
const MOMENTS = 300; // book samples, about a second each: what a minute's bar forms of, and the imbalance of before
const SLOW = 5; // every so many seconds what changes seldom is asked for

const status = new Status();
const ladder = new Ladder($("book"), $("book-note"));
const list = new SignalList($("signal-list"), (id) => select(id, true));
let chart = null;

const view = {
  instruments: [],
  instrument: null, // what /instruments says of the one looked at
  timeframe: "1m",
  step: 60,
  lastClose: null, // s
  bookSince: null, // s, of the newest sample seen
  forming: null,
  vectors: [],
  selected: null, // a signal's identifier
  chosen: false, // by a person: then newer signals do not take its place
  generation: 0, // grows with each change of view: answers to an older one are dropped
};

// ---- what is looked at

async function look(instrumentId, timeframe) {
  const generation = ++view.generation;
  view.instrument = view.instruments.find((one) => one.instrument_id === instrumentId) ?? view.instruments[0];
  view.timeframe = timeframe;
  view.step = SECONDS[timeframe];
  view.vectors = [];
  writePlace();
  drawPicker();
  const [bars, signals] = await Promise.all([read(of("bars", id()), { timeframe, limit: BARS }), readSignals()]);
  if (generation !== view.generation) return;
  const closed = bars.items.toReversed();
  const newest = view.instrument.newest_book ?? view.instrument.newest_close;
  view.lastClose = closed.length ? seconds(closed.at(-1).ts_close) : newest && Math.floor(newest / 1e9 / view.step) * view.step;
  ladder.reset();
  chart?.reset(closed, tick());
  list.reset(signals);
  view.bookSince = null;
  view.forming = view.lastClose === null ? null : await begin(id(), timeframe, view.lastClose);
  if (generation !== view.generation) return;
  view.forming?.bars.forEach((bar) => chart?.form(bar));
  drawEmptiness();
  reselect();
  await Promise.all([readAverages(generation), readBook(generation)]);
}

const id = () => view.instrument.instrument_id;
const tick = () => view.instrument.definition.tick_size;

function select(signalId, byPerson) {
  const signal = list.get(signalId) ?? null;
  view.chosen = byPerson && signal !== null;
  view.selected = signal?.id ?? null;
  list.select(view.selected);
  $("detail").replaceChildren(...detail(signal, decimals(tick())));
  if (signal && (signal.instrument_id !== id() || signal.timeframe !== view.timeframe)) {
    if (byPerson) attempt(() => look(signal.instrument_id, signal.timeframe));
    return;
  }
  writePlace();
  drawMarkers();
  chart?.select(signal, view.step);
}

/** The signal that was looked at if it is still there, else the newest of this chart. */
function reselect() {
  const here = list.all.filter((signal) => signal.instrument_id === id() && signal.timeframe === view.timeframe);
  const kept = here.find((signal) => signal.id === view.selected && view.chosen);
  const newest = here.find((signal) => signal.status === "published") ?? here[0];
  select((kept ?? newest)?.id ?? null, Boolean(kept));
}

function writePlace() {
  const place = new URLSearchParams({ instrument: id(), timeframe: view.timeframe });
  if (view.chosen && view.selected) place.set("signal", view.selected);
  history.replaceState(null, "", `#${place}`);
}

// ---- what is asked for

async function readSignals() {
  const path = $("everywhere").checked ? "/signals" : of("signals", id());
  const wanted = [read(path, { limit: 40 })];
  if ($("vetoed").checked) wanted.push(read(path, { status: "vetoed", limit: 20 }));
  return (await Promise.all(wanted)).flatMap((page) => page.items);
}

async function readBook(generation) {
  const since = view.bookSince === null ? undefined : toISO(view.bookSince + 0.001);
  const book = await read(of("books", id()), { samples: MOMENTS, since });
  if (generation !== view.generation || !book.latest) return;
  if (view.forming === null) {
    view.lastClose = Math.floor(book.latest.ts_event / 1e9 / view.step) * view.step;
    view.forming = await begin(id(), view.timeframe, view.lastClose);
    if (generation !== view.generation) return;
  }
  view.bookSince = book.latest.ts_event / 1e9;
  status.newest = view.bookSince;
  status.stale = book.latest.stale;
  ladder.show(book.latest, book.series, tick());
  drawPrice(book.latest);
  view.forming.take(book.series).forEach((bar) => chart?.form(bar));
  drawEmptiness();
}

async function readClosed(generation) {
  const { items } = await read(of("bars", id()), { timeframe: view.timeframe, since: toISO(view.lastClose + 1), limit: BARS });
  if (generation !== view.generation || !items.length) return;
  if (seconds(items.at(-1).ts_open) !== view.lastClose) return look(id(), view.timeframe); // not the next one: all anew
  for (const bar of items.toReversed()) chart?.close(bar);
  view.lastClose = seconds(items[0].ts_close);
  view.forming?.settle(view.lastClose);
  drawEmptiness();
  await readAverages(generation);
}

async function readAverages(generation) {
  const last = view.vectors.at(-1);
  const since = last ? toISO(seconds(last.ts_close) + 1) : undefined;
  const { items } = await read(of("features", id()), { timeframe: view.timeframe, names: "ema_20,ema_50", since, limit: BARS });
  if (generation !== view.generation) return;
  view.vectors = [...view.vectors, ...items.toReversed()].slice(-BARS);
  chart?.average(view.vectors, view.step);
}

async function readSlow(generation) {
  const [stats, gaps, signals, { items }] = await Promise.all([
    read("/stats"), read("/gaps", { limit: 12 }), readSignals(), read("/instruments"),
  ]);
  if (generation !== view.generation) return;
  $("quality").replaceChildren(...quality(stats, gaps));
  if (list.add(signals)) arrived();
  const grown = items.length !== view.instruments.length;
  view.instruments = items;
  view.instrument = items.find((one) => one.instrument_id === id()) ?? view.instrument;
  if (grown) drawPicker();
}

// ---- who shows it

function drawPicker() {
  $("instrument").disabled = false;
  $("instrument").replaceChildren(...view.instruments.map(({ instrument_id, definition }) =>
    make("option", { value: instrument_id, selected: instrument_id === id() }, names(instrument_id, definition.kind).join("  "))));
  $("instrument").value = id();
  for (const button of $("timeframes").children) button.setAttribute("aria-pressed", button.value === view.timeframe);
}

function drawPrice(book) {
  const [bid, ask] = [book.bid_prices[0], book.ask_prices[0]];
  const mid = bid && ask ? (bid + ask) / 2 : null;
  const digits = decimals(tick());
  const before = Number($("price").dataset.value ?? mid);
  $("price").className = `price ${mid > before ? "up" : mid < before ? "down" : ""}`;
  $("price").dataset.value = mid;
  say($("price"), number(mid, digits));
  say($("spread"), mid ? `spread ${number(((ask - bid) / mid) * 1e4, 2)} bps` : "no spread");
  document.title = mid ? `${number(mid, digits)} ${names(id())[0]} · Candlewick` : "Candlewick";
  $("chart").setAttribute("aria-label", `${names(id())[0]}, ${view.timeframe} candles, now at ${number(mid, digits)}`);
}

function drawMarkers() {
  const here = list.all.filter((signal) => signal.instrument_id === id()).reverse();
  chart?.mark(here, view.step, view.selected);
}

function drawEmptiness() {
  if (!chart) return;
  const empty = chart.isEmpty;
  $("chart-empty").hidden = !empty;
  if (empty) {
    const next = Math.ceil(Date.now() / 1000 / view.step) * view.step;
    $("chart-empty").replaceChildren(emptiness(`No ${view.timeframe} bar is stored yet.`, `The next one closes at ${moment(next)}.`));
  }
}

/** Signals have come: those of this chart are marked, and shown unless a person looks at another. */
function arrived() {
  drawMarkers();
  if (!view.chosen) reselect();
}

// ---- when

async function attempt(work) {
  try {
    await work();
    status.report(null);
    return true;
  } catch (error) {
    if (!("status" in error)) console.error(error);
    status.report(error);
    return false;
  }
}

async function beat(count) {
  const generation = view.generation;
  await readBook(generation);
  const due = view.lastClose !== null && status.newest >= view.lastClose + view.step;
  if (due) await readClosed(generation);
  if (count % SLOW === 0) await readSlow(generation);
}

async function run() {
  for (let count = 0; ; count++) {
    if (!document.hidden) await attempt(() => beat(count));
    status.draw();
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

/** Waits for a market; until there is one, says how to get it. */
async function firstInstruments() {
  for (;;) {
    await attempt(async () => { view.instruments = (await read("/instruments")).items; });
    if (view.instruments.length) break;
    if (!status.error) status.advise("No instrument is stored yet. `make demo` starts a simulated market; with Kafka of your own, `candlewick ingest`, `run` and `store` bring one here.");
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  status.advise(null);
}

async function start() {
  $("timeframes").append(...Object.keys(SECONDS).map((name) =>
    make("button", { type: "button", value: name, "aria-pressed": String(name === "1m"), onclick: () => change(id(), name) }, name)));
  for (const button of $("timeframes").children) button.disabled = true;
  $("detail").replaceChildren(...detail(null));
  $("quality").replaceChildren(emptiness("Nothing is stored yet."));
  list.draw();
  status.draw();
  await firstInstruments();
  for (const button of $("timeframes").children) button.disabled = false;
  try {
    chart = await createPriceChart($("chart"), $("legend"), (signalId) => select(signalId, true));
  } catch {
    $("chart-empty").hidden = false;
    $("chart-empty").replaceChildren(emptiness("The chart library is not there.", "`make setup` fetches it; then reload this page."));
  }
  const place = new URLSearchParams(location.hash.slice(1));
  const timeframe = place.get("timeframe") in SECONDS ? place.get("timeframe") : "1m";
  view.selected = place.get("signal");
  view.chosen = view.selected !== null;
  while (!(await attempt(() => look(place.get("instrument"), timeframe)))) await new Promise((resolve) => setTimeout(resolve, 1000));
  $("instrument").onchange = (event) => change(event.target.value, view.timeframe);
  for (const name of ["everywhere", "vetoed"]) $(name).onchange = () => attempt(async () => { list.reset(await readSignals()); arrived(); });
  addEventListener("keydown", (event) => { if (event.key === "Escape") select(null, false); });
  follow(
    (signal) => {
      if (($("everywhere").checked || signal.instrument_id === id()) && list.add([signal])) arrived();
    },
    (open) => { status.streaming = open; },
  );
  await run();
}

function change(instrumentId, timeframe) {
  view.chosen = false;
  attempt(() => look(instrumentId, timeframe));
}

start();
