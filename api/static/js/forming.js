// The bar that has not closed yet, of the book's mids: what it would look like if it closed now.

import { read, of } from "./api.js";
import { SECONDS, seconds, toISO } from "./format.js";

class FormingBar {
  constructor(step, since) {
    this.step = step;
    this.since = since; // s: what came before is in bars that have closed
    this.bars = new Map();
  }

  /** Take mids of book moments (newest first) and give the bars they changed, oldest first. */
  take(moments) {
    const changed = new Set();
    for (const { ts_event: ts, mid } of moments.toReversed()) {
      if (mid === null || ts / 1e9 < this.since) continue;
      const time = Math.floor(ts / 1e9 / this.step) * this.step;
      this.merge(time, mid, mid, mid, mid);
      changed.add(time);
    }
    return [...changed].sort((a, b) => a - b).map((time) => this.bars.get(time));
  }

  /** Closed minutes (newest first) of a longer bar that is still open. */
  takeMinutes(minutes) {
    for (const bar of minutes.toReversed()) {
      this.merge(Math.floor(seconds(bar.ts_open) / this.step) * this.step, bar.open, bar.high, bar.low, bar.close);
      this.since = seconds(bar.ts_close);
    }
  }

  /** Forget what has closed before `time` (s). */
  settle(time) {
    for (const open of this.bars.keys()) if (open < time) this.bars.delete(open);
  }

  merge(time, open, high, low, close) {
    const bar = this.bars.get(time);
    if (!bar) this.bars.set(time, { time, open, high, low, close });
    else Object.assign(bar, { high: Math.max(bar.high, high), low: Math.min(bar.low, low), close });
  }
}

/** The forming bar of a timeframe with the minutes that have closed since its last close (s). */
export async function begin(instrumentId, timeframe, lastClose) {
  const forming = new FormingBar(SECONDS[timeframe], lastClose);
  if (timeframe === "1m") return forming;
  const { items } = await read(of("bars", instrumentId), { timeframe: "1m", since: toISO(lastClose + 1), limit: 1440 });
  forming.takeMinutes(items);
  return forming;
}
