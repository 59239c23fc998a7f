// Estimated liquidation levels behind the price: by price and time how much would be liquidated, as it was known then.

import { Layer } from "./layer.js";

const [FAINT, STRONG] = [0.04, 0.55];

/** Attach it to the price series, then `show(columns)`. */
export class Heat extends Layer {
  columns = [];

  /** `[{times, lowest, width, shares}]`: the bars it lies behind, in seconds, and the estimate as the API tells it. */
  show(columns) {
    this.columns = columns;
    this.strongest = Math.max(0, ...columns.map(({ shares }) => Math.max(0, ...shares)));
    this.requestUpdate?.();
  }

  paint({ sides, height, fill }) {
    for (const { times, lowest, width, shares } of this.columns) {
      const edges = sides(times);
      if (!edges) continue;
      const edge = (bin) => height(lowest * Math.exp(bin * width));
      shares.forEach((share, bin) => {
        if (share) fill(edges, edge(bin + 1), edge(bin), FAINT + (STRONG - FAINT) * (share / this.strongest));
      });
    }
  }
}
