// The book's imbalance on the price's time axis: the mean of each bar as a line, and how far it went to either side.

import { seconds } from "./format.js";
import { Layer } from "./layer.js";

const [MEAN, LEAST, GREATEST] = ["obi_10_mean", "obi_10_min", "obi_10_max"];
const SHARE = 0.25; // of the prices' height
const FAINT = 0.28;

/** The features that it is drawn from. */
export const IMBALANCE = [MEAN, LEAST, GREATEST];

/** A pane of its own right below the prices, as long as there is something to show. */
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
      baseValue: { type: "price", price: 0 }, lineWidth: 1.5, priceLineVisible: false, crosshairMarkerVisible: false,
      topLineColor: up, topFillColor1: clear, topFillColor2: clear, bottomLineColor: down, bottomFillColor1: clear, bottomFillColor2: clear,
      autoscaleInfoProvider: () => ({ priceRange: { minValue: -1, maxValue: 1 } }),
    }, this.chart.panes().length);
    this.line.createPriceLine({ price: 0, color: muted, lineWidth: 1, lineStyle: 1, axisLabelVisible: false });
    this.line.attachPrimitive(this.band);
    const pane = this.line.getPane();
    pane.moveTo(1); // right under the prices, whatever is drawn below already
    pane.setStretchFactor(SHARE);
    const lines = [{ text: "book imbalance, ten levels", color: muted, fontSize: 11, lineHeight: 18 }];
    this.library.createTextWatermark(pane, { horzAlign: "left", vertAlign: "top", lines });
  }
}

/** What lies between the extremes of each bar. */
class Band extends Layer {
  points = [];

  show(points) {
    this.points = points;
    this.requestUpdate?.();
  }

  paint({ sides, height, fill }) {
    for (const { time, low, high } of this.points) {
      const edges = sides([time]);
      if (edges) fill(edges, height(high), height(low), FAINT);
    }
  }
}
