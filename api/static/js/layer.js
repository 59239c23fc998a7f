// What is painted behind a series of Lightweight Charts, by time: a primitive to attach to it.

export class Layer {
  constructor(colour) {
    this.colour = colour;
    this.views = [{ zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.draw(target) }) }];
  }

  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { chart, series, requestUpdate });
  }

  paneViews() {
    return this.views;
  }

  draw(target) {
    const scale = this.chart.timeScale();
    const half = scale.options().barSpacing / 2;
    target.useBitmapCoordinateSpace(({ context, horizontalPixelRatio: across, verticalPixelRatio: down }) => {
      context.save();
      context.fillStyle = this.colour;
      this.paint({
        // From the first to the last of these bars (s): left and right edge, or nothing if none of them is there.
        sides: (times) => {
          const xs = times.map((time) => scale.timeToCoordinate(time)).filter((x) => x !== null);
          return xs.length ? [xs[0] - half, xs.at(-1) + half].map((x) => Math.round(x * across)) : null;
        },
        height: (value) => Math.round(this.series.priceToCoordinate(value) * down),
        fill: ([left, right], top, bottom, alpha) => {
          context.globalAlpha = alpha;
          context.fillRect(left, top, right - left, Math.max(1, bottom - top));
        },
      });
      context.restore();
    });
  }
}
