// The book's imbalance on the price's time axis: the mean of each bar as a line, and how far it went to either side.

import { seconds } from "./format.js";

const [MEAN, LEAST, GREATEST] = ["obi_10_mean", "obi_10_min", "obi_10_max"];
const HEIGHT = 84; // pixels
const FAINT = 0.28;

/** The features that it is drawn from. */
export const IMBALANCE = [MEAN, LEAST, GREATEST];

/** A pane of its own below the prices, as long as there is something to show. */
export class Imbalance {
  constructor(library, chart, colours) {
    Object.assign(this, { library, chart, colours, line: null });
    this.band = new Band(colours.muted);
  }

  /** Vectors, oldest first, and a bar's seconds; how many bars are drawn: those whose book was known. */
  show(vectors, step) {
    const points = vectors.map(({ ts_close, features }) => ({
      time: seconds(ts_close) - step, value: features?.[MEAN] ?? undefined, low: features?.[LEAST], high: features?.[GREATEST],
    }));
    const known = points.filter(({ value }) => value !== undefined);
    if (!known.length) {
      if (this.line) this.chart.removeSeries(this.line);
      this.line = null;
      return 0;
    }
    if (!this.line) this.begin();
    this.line.setData(points.map(({ time, value }) => ({ time, value })));
    this.band.show(known);
    return known.length;
  }

  begin() {
    const { up, down, muted } = this.colours;
    const clear = "transparent";
    this.line = this.chart.addSeries(this.library.BaselineSeries, {
      title: "book imbalance", baseValue: { type: "price", price: 0 }, lineWidth: 1.5, priceLineVisible: false, crosshairMarkerVisible: false,
      topLineColor: up, topFillColor1: clear, topFillColor2: clear, bottomLineColor: down, bottomFillColor1: clear, bottomFillColor2: clear,
      autoscaleInfoProvider: () => ({ priceRange: { minValue: -1, maxValue: 1 } }),
    }, this.chart.panes().length);
    this.line.createPriceLine({ price: 0, color: muted, lineWidth: 1, lineStyle: 1, axisLabelVisible: false });
    this.line.attachPrimitive(this.band);
    this.line.getPane().setHeight(HEIGHT);
  }
}

/** A primitive of Lightweight Charts: what lies between the extremes of each bar. */
class Band {
  constructor(colour) {
    Object.assign(this, { colour, points: [] });
    this.views = [{ zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.draw(target) }) }];
  }

  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { chart, series, requestUpdate });
  }

  show(points) {
    this.points = points;
    this.requestUpdate?.();
  }

  paneViews() {
    return this.views;
  }

  draw(target) {
    const scale = this.chart.timeScale();
    const bar = scale.options().barSpacing;
    target.useBitmapCoordinateSpace(({ context, horizontalPixelRatio: across, verticalPixelRatio: down }) => {
      context.save();
      context.fillStyle = this.colour;
      context.globalAlpha = FAINT;
      for (const { time, low, high } of this.points) {
        const x = scale.timeToCoordinate(time);
        if (x === null) continue;
        const [left, right] = [x - bar / 2, x + bar / 2].map((at) => Math.round(at * across));
        const [top, bottom] = [high, low].map((value) => Math.round(this.series.priceToCoordinate(value) * down));
        context.fillRect(left, top, right - left, Math.max(1, bottom - top));
      }
      context.restore();
    });
  }
}
