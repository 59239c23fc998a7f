// The price chart: closed bars, the bar that is forming, averages, signals as markers and the selected one as a box.

import { SignalBox } from "./box.js";
import { make } from "./dom.js";
import { amount, moment, number, seconds } from "./format.js";
import { Heat } from "./heat.js";
import { Imbalance } from "./imbalance.js";

const SHARE = 0.3; // of the prices' height

const css = getComputedStyle(document.documentElement);
const colour = (name) => css.getPropertyValue(`--${name}`).trim();

/** Loads the chart library and makes the chart; fails if `make setup` has not fetched it. */
export async function createPriceChart(container, legend, onSelect) {
  const library = await import("/static/vendor/lightweight-charts.js");
  return new PriceChart(library, container, legend, onSelect);
}

class PriceChart {
  constructor(library, container, legend, onSelect) {
    const [up, down, line, muted] = ["up", "down", "line", "muted"].map(colour);
    this.colours = { up, down, muted, line, ground: colour("bg") };
    this.legend = legend;
    this.library = library;
    this.drawn = null;
    this.chart = library.createChart(container, {
      autoSize: true,
      layout: { background: { color: "transparent" }, textColor: muted, fontFamily: css.getPropertyValue("--font"), fontSize: 11, attributionLogo: false, panes: { separatorColor: line, separatorHoverColor: line } },
      grid: { vertLines: { color: line + "80" }, horzLines: { color: line + "80" } },
      crosshair: { mode: library.CrosshairMode.Normal, vertLine: { color: muted, labelBackgroundColor: line }, horzLine: { color: muted, labelBackgroundColor: line } },
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.12, bottom: 0.2 } },
      timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false, rightOffset: 12, minBarSpacing: 2 },
      localization: { timeFormatter: moment },
    });
    this.volume = this.chart.addSeries(library.HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.volume.priceScale().applyOptions({ scaleMargins: { top: 0.86, bottom: 0 } });
    const average = (name) => this.chart.addSeries(library.LineSeries, { color: colour(name), lineWidth: 1, lastValueVisible: false, priceLineVisible: false, crosshairMarkerVisible: false });
    this.averages = { ema_20: average("ema-fast"), ema_50: average("ema-slow") };
    this.bars = this.chart.addSeries(library.CandlestickSeries, { upColor: up, downColor: down, borderVisible: false, wickUpColor: up, wickDownColor: down, priceLineColor: muted, priceLineStyle: 1 });
    this.markers = library.createSeriesMarkers(this.bars, [], { zOrder: "top" });
    this.heat = new Heat(colour("flame"));
    this.bars.attachPrimitive(this.heat);
    this.imbalance = new Imbalance(library, this.chart, this.colours);
    this.box = new SignalBox(this.colours);
    this.bars.attachPrimitive(this.box);
    this.chart.subscribeClick(({ hoveredObjectId }) => hoveredObjectId && onSelect(hoveredObjectId));
    this.chart.subscribeCrosshairMove((at) => this.describe(at.seriesData?.get(this.bars), at.seriesData?.get(this.volume)));
  }

  /** All bars anew, oldest first, and how finely their prices are told. */
  reset(bars, digits, tick) {
    this.digits = digits;
    const priceFormat = { type: "price", precision: digits, minMove: tick };
    for (const series of [this.bars, ...Object.values(this.averages)]) series.applyOptions({ priceFormat });
    this.bars.setData(bars.map(candle));
    this.volume.setData(bars.map((bar) => this.column(bar)));
    this.chart.timeScale().resetTimeScale();
    this.describe();
  }

  /** A bar that has closed. */
  close(bar) {
    this.put(this.bars, candle(bar));
    this.put(this.volume, this.column(bar));
    this.describe();
  }

  /** The bar that is forming, of book samples' mids: `{time, open, high, low, close}`, time in seconds. */
  form(bar) {
    const faint = (bar.close >= bar.open ? this.colours.up : this.colours.down) + "90";
    this.put(this.bars, { ...bar, color: faint, wickColor: faint });
    this.describe();
  }

  get isEmpty() {
    return this.bars.data().length === 0;
  }

  // A bar closes some seconds after the next one has begun to form: then it is not the last any more.
  put(series, point) {
    const last = series.data().at(-1);
    series.update(point, last !== undefined && point.time < last.time);
  }

  /** Averages from feature vectors, oldest first; those that are not ready leave a hole. */
  average(vectors, step) {
    for (const [name, series] of Object.entries(this.averages)) {
      series.setData(vectors.map((v) => ({ time: seconds(v.ts_close) - step, value: v.features?.[name] ?? undefined })));
    }
  }

  /** Estimated liquidation levels, newest first; behind how many bars they lie: those from the close on at which each was
      known, up to the next. */
  liquidations(profiles, step) {
    const bars = this.bars.data().map(({ time }) => time);
    const columns = profiles.toReversed().map(({ ts_close, lowest, width, shares }, at, all) => {
      const first = seconds(ts_close);
      const next = at + 1 < all.length ? seconds(all[at + 1].ts_close) : Infinity;
      return { times: bars.filter((time) => time >= first && time < Math.min(next, first + Math.max(step, 300))), lowest, width, shares };
    });
    this.heat.show(columns);
    return columns.reduce((count, { times }) => count + times.length, 0);
  }

  /** Draws a feature's values beside the bars, `[{time, value}]`: with the prices if it is one, else in the lowest pane. */
  overlay(points, isQuote) {
    const isPrice = Boolean(points) && isQuote && this.isNear(points);
    if (this.drawn && points && isPrice === (this.drawn.getPane() === this.bars.getPane())) return this.drawn.setData(points);
    if (this.drawn) this.chart.removeSeries(this.drawn);
    this.drawn = null;
    if (!points) return;
    const options = { color: colour("flame"), lineWidth: 1.5, lastValueVisible: true, priceLineVisible: false, crosshairMarkerVisible: true };
    this.drawn = this.chart.addSeries(this.library.LineSeries, options, isPrice ? 0 : this.chart.panes().length);
    this.drawn.setData(points);
    if (!isPrice) this.drawn.getPane().setStretchFactor(SHARE);
  }

  /** Whether all values lie where prices do: ranges, spreads and notionals are in quote currency too. */
  isNear(points) {
    const bars = this.bars.data();
    const [low, high] = [Math.min(...bars.map((bar) => bar.low)) / 2, Math.max(...bars.map((bar) => bar.high)) * 2];
    return points.every(({ value }) => value === undefined || (low <= value && value <= high));
  }

  /** Markers of signals, oldest first, on the bar that made each. */
  mark(signals, step, selected) {
    this.markers.setMarkers(
      signals.map((signal) => {
        const long = signal.direction === "long";
        const published = signal.status === "published";
        return {
          id: signal.id,
          time: Math.floor((seconds(signal.ts_event) - 1) / step) * step,
          position: long ? "belowBar" : "aboveBar",
          shape: published ? (long ? "arrowUp" : "arrowDown") : "circle",
          color: published ? (long ? this.colours.up : this.colours.down) : this.colours.muted,
          size: signal.id === selected ? 2 : published ? 1 : 0.5,
        };
      }),
    );
  }

  /** Draws `signal`'s levels, or none for null. */
  select(signal, step) {
    if (!signal) return this.box.show(null);
    const from = seconds(signal.ts_event) - step;
    const to = from + seconds(signal.horizon);
    this.box.show({ from, to, step, entry: [signal.entry_low, signal.entry_high], stop: signal.stop, targets: signal.targets, format: (price) => number(price, this.digits) });
    const data = this.bars.data();
    const scale = this.chart.timeScale();
    const shown = scale.getVisibleLogicalRange();
    const index = scale.timeToIndex(from, true);
    if (shown && index !== null && data.length && (index < shown.from + 2 || index > shown.to - 4)) {
      const width = shown.to - shown.from;
      scale.setVisibleLogicalRange({ from: index - width * 0.6, to: index + width * 0.4 });
    }
  }

  describe(bar = this.bars.data().at(-1), volume = this.volume.data().at(-1)) {
    if (!bar) return this.legend.replaceChildren();
    const way = bar.close >= bar.open ? "up" : "down";
    const item = (name, value, kind = way) => make("span", {}, `${name} `, make("b", { class: kind }, value));
    this.legend.replaceChildren(
      ...["open", "high", "low", "close"].map((name) => item(name[0].toUpperCase(), number(bar[name], this.digits))),
      item("V", volume?.time === bar.time ? amount(volume.value) : "forming", ""),
      make("span", { class: "ema-fast" }, "EMA 20"),
      make("span", { class: "ema-slow" }, "EMA 50"),
    );
  }

  column(bar) {
    return { time: seconds(bar.ts_open), value: bar.volume, color: (bar.close >= bar.open ? this.colours.up : this.colours.down) + "38" };
  }
}

const candle = (bar) => ({ time: seconds(bar.ts_open), open: bar.open, high: bar.high, low: bar.low, close: bar.close });
