// Puts the page together: what is asked for and when, and who shows it.

import { follow, of, read } from "./api.js";
import { createPriceChart } from "./chart.js";
import { detail } from "./detail.js";
import { $, emptiness, say } from "./dom.js";
import { clearPrice, drawEmptiness, drawNoChart, drawNoMarket, drawPicker, drawPrice, drawTimeframes } from "./drawing.js";
import { SECONDS, decimals, names, seconds, toISO } from "./format.js";
import { Features } from "./features.js";
import { begin } from "./forming.js";
import { IMBALANCE } from "./imbalance.js";
import { Ladder } from "./ladder.js";
import { models } from "./models.js";
import { quality } from "./quality.js";
import { SignalList } from "./signals.js";
import { Status } from "./status.js";
import { id, newest, readPlace, tick, view, writePlace } from "./view.js";

const BARS = 500;
const MOMENTS = 300; // book samples, about a second each: what a minute's bar forms of, and the imbalance of before
const SLOW = 5; // every so many seconds what changes seldom is asked for

const status = new Status();
const ladder = new Ladder($("book"), $("book-note"));
const list = new SignalList($("signal-list"), (signalId) => select(signalId, true));
const features = new Features($("features"), $("features-note"), $("features-filter"), (entry) => attempt(() => readDrawn(view.generation, entry)));
let chart = null;

// ---- turning to an instrument and timeframe

function turn(instrumentId, timeframe) {
  view.generation++;
  view.instrument = view.instruments.find((one) => one.instrument_id === instrumentId) ?? view.instruments[0];
  Object.assign(view, { timeframe, step: SECONDS[timeframe], lastClose: null, bookSince: null, forming: null, vectors: [], complete: false });
  writePlace();
  drawPicker();
  clearPrice();
  chart?.average([], view.step); // else another instrument's lie over these bars until its vectors have come
  drawImbalance();
  ladder.reset();
  features.show(null);
  return attempt(fill);
}

/** Everything of the view; until it has succeeded once, each beat tries again. */
async function fill() {
  const { generation, timeframe } = view;
  const [bars, signals] = await Promise.all([read(of("bars", id()), { timeframe, limit: BARS }), readSignals()]);
  if (generation !== view.generation) return;
  const closed = bars.items.toReversed();
  const { at } = newest();
  view.lastClose = closed.length ? seconds(closed.at(-1).ts_close) : at && Math.floor(at / view.step) * view.step;
  view.digits = decimals(view.instrument.definition.tick_size, closed.at(-1)?.close);
  chart?.reset(closed, view.digits, tick());
  list.reset(signals);
  const forming = view.lastClose === null ? null : await begin(id(), timeframe, view.lastClose);
  if (generation !== view.generation) return;
  view.forming = forming;
  forming?.bars.forEach((bar) => chart?.form(bar));
  drawEmptiness(chart);
  reselect();
  await Promise.all([readAverages(generation), readBook(generation), readFeatures(generation)]);
  view.complete = generation === view.generation;
}

function select(signalId, byPerson) {
  const signal = list.get(signalId) ?? null;
  view.chosen = byPerson && signal !== null;
  view.selected = signal?.id ?? null;
  list.select(view.selected);
  $("detail").replaceChildren(...detail(signal, view.digits));
  if (signal && (signal.instrument_id !== id() || signal.timeframe !== view.timeframe)) {
    turn(signal.instrument_id, signal.timeframe);
    return;
  }
  writePlace();
  drawMarkers();
  chart?.select(signal, view.step);
}

/** The signal that a person looks at if it is still there, else the newest of this chart. */
function reselect() {
  const here = list.all.filter((signal) => signal.instrument_id === id() && signal.timeframe === view.timeframe);
  const kept = here.find((signal) => signal.id === view.selected && view.chosen);
  const latest = here.find((signal) => signal.status === "published") ?? here[0];
  select((kept ?? latest)?.id ?? null, Boolean(kept));
}

// ---- what is asked for

async function readSignals() {
  const path = $("everywhere").checked ? "/signals" : of("signals", id());
  const wanted = [read(path, { limit: 40 })];
  if ($("vetoed").checked) wanted.push(read(path, { status: "vetoed", limit: 40 }));
  return (await Promise.all(wanted)).flatMap((page) => page.items);
}

async function readBook(generation) {
  const since = view.bookSince === null ? undefined : toISO(view.bookSince + 0.001);
  const book = await read(of("books", id()), { samples: MOMENTS, since });
  if (generation !== view.generation || !book.latest) return;
  if (view.forming === null) return void (view.complete = false); // the first sample there is: begin with it
  view.bookSince = book.latest.ts_event / 1e9;
  status.stale = book.latest.stale;
  ladder.show(book.latest, book.series, view.digits);
  drawPrice(book.latest);
  view.forming.take(book.series).forEach((bar) => chart?.form(bar));
  drawEmptiness(chart);
}

async function readClosed(generation) {
  const { items } = await read(of("bars", id()), { timeframe: view.timeframe, since: toISO(view.lastClose + 1), limit: BARS });
  if (generation !== view.generation || !items.length) return;
  if (seconds(items.at(-1).ts_open) !== view.lastClose) return void (view.complete = false); // not the next one: all anew
  for (const bar of items.toReversed()) chart?.close(bar);
  view.lastClose = seconds(items[0].ts_close);
  view.forming?.settle(view.lastClose);
  drawEmptiness(chart);
  await Promise.all([readAverages(generation), readFeatures(generation)]);
}

async function readAverages(generation) {
  const last = view.vectors.at(-1);
  const since = last ? toISO(seconds(last.ts_close) + 1) : undefined;
  const { items } = await read(of("features", id()), { timeframe: view.timeframe, names: ["ema_20", "ema_50", ...IMBALANCE].join(), since, limit: BARS });
  if (generation !== view.generation) return;
  view.vectors = [...view.vectors, ...items.toReversed()].slice(-BARS);
  chart?.average(view.vectors, view.step);
  drawImbalance();
}

function drawImbalance() {
  $("imbalance").dataset.bars = chart?.imbalance.show($("imbalance").checked ? view.vectors : [], view.step) ?? 0;
}

/** The newest vector, and the one that a person looks at through time. */
async function readFeatures(generation) {
  const { items } = await read(of("features", id()), { timeframe: view.timeframe, context: true, limit: 1 });
  if (generation !== view.generation) return;
  features.show(items[0] ?? null);
  await Promise.all([readDrawn(generation, features.chosen), readLevels(generation)]);
}

/** The estimated liquidation levels through time. */
async function readLevels(generation) {
  const { items } = $("levels").checked ? await read(of("levels", id()), { timeframe: view.timeframe, limit: BARS }) : { items: [] };
  if (generation !== view.generation) return;
  $("levels").dataset.bars = chart?.liquidations(items, view.step) ?? 0;
}

async function readDrawn(generation, entry) {
  if (!entry) return void chart?.overlay(null);
  const { items } = await read(of("features", id()), { timeframe: view.timeframe, names: entry.name, context: entry.place === "context" || undefined, limit: BARS });
  if (generation !== view.generation || features.chosen !== entry) return;
  const points = items.toReversed().map((v) => ({ time: seconds(v.ts_close) - view.step, value: v.features?.[entry.name] ?? undefined }));
  chart?.overlay(points, entry.unit === "quote");
}

async function readSlow(generation) {
  const [stats, gaps, signals, { items }, served] = await Promise.all([
    read("/stats"), read("/gaps", { limit: 12 }), readSignals(), read("/instruments"), read("/models/status"),
  ]);
  const versions = await Promise.all(served.serving.map(({ model, version }) => read(`/models/${model}/${version}`)));
  if (generation !== view.generation) return;
  $("quality").replaceChildren(...quality(stats, gaps));
  $("models").replaceChildren(...models(served, versions));
  if (list.add(signals)) arrived();
  const others = items.map((one) => one.instrument_id).join() !== view.instruments.map((one) => one.instrument_id).join();
  view.instruments = items;
  view.instrument = items.find((one) => one.instrument_id === id()) ?? view.instrument;
  if (others) drawPicker();
  if (view.lastClose === null && newest().at !== null) view.complete = false;
}

// ---- signals that come

function drawMarkers() {
  chart?.mark(list.all.filter((signal) => signal.instrument_id === id()).reverse(), view.step, view.selected);
}

/** Those of this chart are marked, and the newest is shown unless a person looks at another. */
function arrived() {
  drawMarkers();
  if (!view.chosen) reselect();
}

// ---- when

async function attempt(work) {
  try {
    await work();
    status.report(null);
  } catch (error) {
    if (!("status" in error)) console.error(error);
    status.report(error);
  }
}

async function beat(count) {
  if (!view.complete) return fill();
  const { generation } = view;
  await readBook(generation);
  const { at } = newest();
  if (view.lastClose !== null && at >= view.lastClose + view.step) await readClosed(generation);
  if (count % SLOW === 0) await readSlow(generation);
}

const second = () => new Promise((resolve) => setTimeout(resolve, 1000));

async function run() {
  for (let count = 0; ; count++) {
    if (!document.hidden) await attempt(() => beat(count));
    status.know(newest());
    await second();
  }
}

/** Waits for a market; until there is one, says how to get it. */
async function waitForInstruments() {
  for (;;) {
    await attempt(async () => { view.instruments = (await read("/instruments")).items; });
    if (view.instruments.length) break;
    if (!status.error) drawNoMarket();
    await second();
  }
  $("chart-empty").hidden = true;
}

async function start() {
  drawTimeframes((timeframe) => change(id(), timeframe));
  $("detail").replaceChildren(...detail(null));
  $("quality").replaceChildren(emptiness("Nothing is stored yet."));
  list.reset([]);
  status.draw();
  await attempt(async () => features.know((await read("/catalogue")).items));
  await waitForInstruments();
  try {
    chart = await createPriceChart($("chart"), $("legend"), (signalId) => select(signalId, true));
  } catch {
    drawNoChart();
  }
  $("instrument").onchange = (event) => change(event.target.value, view.timeframe);
  for (const name of ["everywhere", "vetoed"]) $(name).onchange = () => attempt(async () => { list.reset(await readSignals()); arrived(); });
  $("imbalance").onchange = drawImbalance;
  $("levels").onchange = () => attempt(() => readFeatures(view.generation));
  addEventListener("keydown", (event) => { if (event.key === "Escape") { select(null, true); view.chosen = true; } });
  follow(
    (signal) => {
      if (!$("everywhere").checked && signal.instrument_id !== id()) return;
      if (list.add([signal])) arrived();
      say($("news"), `New signal: ${signal.direction} ${names(signal.instrument_id)[0]}, ${signal.timeframe}`);
    },
    (open) => { status.streaming = open; },
  );
  const place = readPlace();
  view.selected = place.get("signal");
  view.chosen = view.selected !== null;
  await turn(place.get("instrument"), place.get("timeframe") in SECONDS ? place.get("timeframe") : "1m");
  await run();
}

function change(instrumentId, timeframe) {
  view.chosen = false;
  turn(instrumentId, timeframe);
}

start();
