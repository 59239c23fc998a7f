// Estimated liquidation levels behind the price: at each close the nearest cluster above and below, as it was known then.

const HALF = 1e-3; // of the price: half the width of the estimate's bins
const [FAINT, STRONG] = [0.1, 0.6];

/** A primitive of Lightweight Charts: attach it to the price series, then `show(cells)`. */
export class Heat {
  constructor(colour) {
    Object.assign(this, { colour, cells: [], strongest: 0 });
    this.views = [{ zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.draw(target) }) }];
  }

  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { chart, series, requestUpdate });
  }

  /** `[{time, price, share}]`: a bar's time in seconds, a cluster's price, its share of open interest. */
  show(cells) {
    this.cells = cells;
    this.strongest = Math.max(0, ...cells.map(({ share }) => share));
    this.requestUpdate?.();
  }

  paneViews() {
    return this.cells.length ? this.views : [];
  }

  draw(target) {
    const scale = this.chart.timeScale();
    const width = scale.options().barSpacing;
    target.useMediaCoordinateSpace(({ context }) => {
      context.save();
      context.fillStyle = this.colour;
      for (const { time, price, share } of this.cells) {
        const x = scale.timeToCoordinate(time);
        const [top, bottom] = [1 + HALF, 1 - HALF].map((part) => this.series.priceToCoordinate(price * part));
        if (x === null || top === null || bottom === null) continue;
        context.globalAlpha = FAINT + (STRONG - FAINT) * (share / this.strongest);
        context.fillRect(x - width / 2, top, width, Math.max(2, bottom - top));
      }
      context.restore();
    });
  }
}
