// The order book: best levels with their sizes, the imbalance of ten levels, and its last two minutes.

import { draw, emptiness, make, say } from "./dom.js";
import { amount, number, percent, signed } from "./format.js";

const LEVELS = 10;
const SPARK = 120; // samples, about a second each

export class Ladder {
  constructor(body, note) {
    this.body = body;
    this.note = note;
    this.rows = { ask: Array.from({ length: LEVELS }, () => row("ask")), bid: Array.from({ length: LEVELS }, () => row("bid")) };
    this.middle = make("div", { class: "middle" });
    this.lean = make("i");
    this.leanText = make("b");
    this.spark = draw("polyline");
    const graph = draw("svg", { viewBox: `0 0 ${SPARK} 40`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.spark);
    this.content = [
      make("div", { class: "ladder" },
        make("div", { class: "level titles" }, make("span", {}, "price"), make("span", {}, "size"), make("span", {}, "total")),
        ...this.rows.ask.map((r) => r.element).reverse(), this.middle, ...this.rows.bid.map((r) => r.element)),
      make("div", { class: "imbalance" },
        make("div", { class: "ends" }, make("span", {}, "asks"), this.leanText, make("span", {}, "bids")),
        make("div", { class: "lean" }, this.lean), graph),
    ];
    this.reset();
  }

  /** Nothing is known of the instrument's book yet. */
  reset() {
    this.series = [];
    this.note.hidden = true;
    this.body.replaceChildren(emptiness("No book sample yet.", "One a second comes while the engine and the store run."));
  }

  /** The newest sample, the moments that came since the last call (newest first), and a price's decimals. */
  show(latest, moments, digits) {
    if (!latest) return;
    if (this.body.firstChild !== this.content[0]) this.body.replaceChildren(...this.content);
    const sides = { ask: total(latest.ask_prices, latest.ask_sizes), bid: total(latest.bid_prices, latest.bid_sizes) };
    const most = Math.max(...Object.values(sides).map((side) => side.at(LEVELS - 1)?.total ?? side.at(-1)?.total ?? 0));
    for (const [name, rows] of Object.entries(this.rows)) {
      rows.forEach((r, i) => r.set(sides[name][i], digits, most));
    }
    const [bid, ask] = [latest.bid_prices[0], latest.ask_prices[0]];
    say(this.middle, bid && ask ? `spread ${number(ask - bid, digits)}` : "one side is empty");
    this.note.hidden = !latest.stale;
    say(this.note, "stale: waiting for resync");
    this.showImbalance(latest.imbalance);
    this.series = [...this.series, ...moments.toReversed()].slice(-SPARK);
    this.spark.setAttribute("points", this.series.map((m, i) => `${i + SPARK - this.series.length},${20 - 18 * (m.imbalance ?? 0)}`).join(" "));
  }

  showImbalance(imbalance) {
    const share = imbalance ?? 0;
    this.lean.className = share >= 0 ? "up" : "down";
    this.lean.style.width = percent(Math.abs(share) / 2, 1);
    this.lean.style.left = percent(share >= 0 ? 0.5 : 0.5 + share / 2, 1);
    say(this.leanText, imbalance === null ? "imbalance not known" : `imbalance ${signed(share, 2)}`);
  }
}

function row(side) {
  const cells = ["price", "size", "total"].map((name) => make("span", { class: name }));
  const fill = make("i");
  const element = make("div", { class: `level ${side}` }, fill, ...cells);
  return {
    element,
    set(level, digits, most) {
      say(cells[0], level ? number(level.price, digits) : "");
      say(cells[1], level ? amount(level.size) : "");
      say(cells[2], level ? amount(level.total) : "");
      fill.style.width = level ? percent(Math.min(1, level.total / most), 1) : "0";
    },
  };
}

function total(prices, sizes) {
  let sum = 0;
  return prices.map((price, i) => ({ price, size: sizes[i], total: (sum += sizes[i]) }));
}
