// Estimated liquidation levels behind the price: by price and time how much would be liquidated, as it was known then.

const [FAINT, STRONG] = [0.04, 0.55];

/** A primitive of Lightweight Charts: attach it to the price series, then `show(columns)`. */
export class Heat {
  constructor(colour) {
    Object.assign(this, { colour, columns: [], strongest: 0 });
    this.views = [{ zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.draw(target) }) }];
  }

  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { chart, series, requestUpdate });
  }

  /** `[{times, lowest, width, shares}]`: the bars it lies behind, in seconds, and the estimate as the API tells it. */
  show(columns) {
    this.columns = columns;
    this.strongest = Math.max(0, ...columns.map(({ shares }) => Math.max(0, ...shares)));
    this.requestUpdate?.();
  }

  paneViews() {
    return this.columns.length ? this.views : [];
  }

  draw(target) {
    const scale = this.chart.timeScale();
    const bar = scale.options().barSpacing;
    target.useBitmapCoordinateSpace(({ context, horizontalPixelRatio: across, verticalPixelRatio: down }) => {
      context.save();
      context.fillStyle = this.colour;
      for (const { times, lowest, width, shares } of this.columns) {
        const xs = times.map((time) => scale.timeToCoordinate(time)).filter((x) => x !== null);
        if (!xs.length) continue;
        const [left, right] = [xs[0] - bar / 2, xs.at(-1) + bar / 2].map((x) => Math.round(x * across));
        const edge = (bin) => Math.round(this.series.priceToCoordinate(lowest * Math.exp(bin * width)) * down);
        shares.forEach((share, bin) => {
          if (!share) return;
          const [top, bottom] = [edge(bin + 1), edge(bin)];
          context.globalAlpha = FAINT + (STRONG - FAINT) * (share / this.strongest);
          context.fillRect(left, top, right - left, Math.max(1, bottom - top));
        });
      }
      context.restore();
    });
  }
}
