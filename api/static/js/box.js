// A signal drawn on the chart: entry zone, stop and targets, from the close that made it to the end of its horizon.

const LABEL = 19; // px a label on the price axis takes
const ALPHA = { risk: "26", reward: "1c", zone: "40" };

/** A primitive of Lightweight Charts: attach it to the price series, then `show(levels)` or `show(null)`. */
export class SignalBox {
  constructor(colours) {
    this.colours = colours;
    this.levels = null;
    this.views = [{ zOrder: () => "bottom", renderer: () => ({ draw: (target) => this.draw(target) }) }];
  }

  attached({ chart, series, requestUpdate }) {
    Object.assign(this, { chart, series, requestUpdate });
  }

  /** `{from, to, step, entry: [low, high], stop, targets, format}`: times in seconds, a bar's length, prices. */
  show(levels) {
    this.levels = levels;
    this.requestUpdate?.();
  }

  paneViews() {
    return this.levels ? this.views : [];
  }

  autoscaleInfo() {
    if (!this.levels) return null;
    const prices = [...this.levels.entry, this.levels.stop, ...this.levels.targets];
    return { priceRange: { minValue: Math.min(...prices), maxValue: Math.max(...prices) } };
  }

  priceAxisViews() {
    if (!this.levels) return [];
    const { entry, stop, targets, format } = this.levels;
    const { muted, up, down } = this.colours;
    const labels = [
      [(entry[0] + entry[1]) / 2, "entry", muted],
      [stop, "stop", down],
      ...targets.map((target, i) => [target, `T${i + 1}`, up]),
    ];
    const places = apart(labels.map(([price]) => this.series.priceToCoordinate(price) ?? -100));
    return labels.map(([price, text, colour], i) => ({
      coordinate: () => places[i],
      text: () => `${text} ${format(price)}`,
      textColor: () => this.colours.ground,
      backColor: () => colour,
    }));
  }

  draw(target) {
    const { entry, stop, targets, from, to } = this.levels;
    const { up, down, muted } = this.colours;
    const y = (price) => this.series.priceToCoordinate(price);
    target.useMediaCoordinateSpace(({ context }) => {
      const left = this.x(from);
      const right = Math.max(this.x(to), left + 24);
      const band = (a, b, colour) => {
        const [top, bottom] = [y(a), y(b)].sort((p, q) => p - q);
        context.fillStyle = colour;
        context.fillRect(left, top, right - left, Math.max(1, bottom - top));
      };
      const line = (price, colour, dash) => {
        context.strokeStyle = colour;
        context.setLineDash(dash);
        context.beginPath();
        context.moveTo(left, Math.round(y(price)) + 0.5);
        context.lineTo(right, Math.round(y(price)) + 0.5);
        context.stroke();
      };
      const middle = (entry[0] + entry[1]) / 2;
      band(middle, stop, down + ALPHA.risk);
      band(middle, targets.at(-1), up + ALPHA.reward);
      band(entry[0], entry[1], muted + ALPHA.zone);
      line(stop, down, []);
      for (const price of targets) line(price, up, [4, 3]);
      context.setLineDash([]);
    });
  }

  // Between and beyond bars the axis knows no times: count on from the nearest bar.
  x(at) {
    const scale = this.chart.timeScale();
    const bars = this.series.data();
    const last = bars.length - 1;
    const index = last < 0 ? 0 : at > bars[last].time ? last + (at - bars[last].time) / this.levels.step : scale.timeToIndex(at, true);
    return scale.logicalToCoordinate(index) ?? 0;
  }
}

/** Moves coordinates apart so far that labels there do not cover each other; their order and their middle stay. */
function apart(wanted) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const placed = [...wanted];
  order.forEach((i, n) => { if (n) placed[i] = Math.max(placed[i], placed[order[n - 1]] + LABEL); });
  const shift = order.reduce((sum, i) => sum + placed[i] - wanted[i], 0) / order.length;
  return placed.map((y) => y - shift);
}
