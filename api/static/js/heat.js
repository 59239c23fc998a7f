// Estimated liquidation levels behind the price: at each close the nearest cluster above and below, as it was known then.

const BIN = 2e-3; // logarithmic width of the estimate's bins, see operators/liquidation_map.py
const [FAINT, STRONG] = [0.1, 0.6];

/** The middle of the bin that `price` is in: distances are told from the mark price, and drawn from the close. */
export const middle = (price) => Math.exp((Math.floor(Math.log(price) / BIN) + 0.5) * BIN);

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
        const [top, bottom] = [BIN / 2, -BIN / 2].map((part) => this.series.priceToCoordinate(price * Math.exp(part)));
        if (x === null || top === null || bottom === null) continue;
        context.globalAlpha = FAINT + (STRONG - FAINT) * (share / this.strongest);
        context.fillRect(x - width / 2, top, width, Math.max(2, bottom - top));
      }
      context.restore();
    });
  }
}
