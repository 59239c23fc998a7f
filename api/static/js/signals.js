// The list of signals, newest first: published ones, and greyed the candidates that were vetoed.

import { emptiness, make } from "./dom.js";
import { moment, names, percent, seconds } from "./format.js";

const MOST = 60;

export class SignalList {
  constructor(list, onSelect) {
    this.list = list;
    this.onSelect = onSelect;
    this.known = new Map();
    this.selected = null;
    list.addEventListener("keydown", (event) => this.walk(event));
  }

  /** All signals anew. */
  reset(signals) {
    this.known = new Map(signals.map((signal) => [signal.id, signal]));
    this.draw();
  }

  /** More signals; a published one takes the place of its candidate. True if any was new. */
  add(signals) {
    const fresh = signals.filter((signal) => this.known.get(signal.id)?.status !== signal.status && this.known.get(signal.id)?.status !== "published");
    for (const signal of fresh) this.known.set(signal.id, signal);
    if (fresh.length) this.draw();
    return fresh.length > 0;
  }

  /** Newest first. */
  get all() {
    return [...this.known.values()].sort((a, b) => b.ts_event - a.ts_event || (a.id < b.id ? 1 : -1));
  }

  get(id) {
    return this.known.get(id);
  }

  select(id) {
    this.selected = id;
    for (const button of this.list.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", button.dataset.id === id);
      if (button.dataset.id === id) this.reveal(button);
    }
  }

  // Within the list only: `scrollIntoView` would move the whole page as well.
  reveal(button) {
    const [outer, inner] = [this.list.getBoundingClientRect(), button.getBoundingClientRect()];
    if (inner.top < outer.top) this.list.scrollTop -= outer.top - inner.top;
    if (inner.bottom > outer.bottom) this.list.scrollTop += inner.bottom - outer.bottom;
  }

  draw() {
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    const shown = this.all.slice(0, MOST);
    this.list.replaceChildren(...shown.map((signal) => this.item(signal)));
    if (!shown.length) {
      this.list.append(make("li", {}, emptiness("No signal yet.", "A strategy needs about 50 bars before it can speak.")));
    }
    if (focused) this.list.querySelector(`[data-id="${focused}"]`)?.focus();
  }

  item(signal) {
    const [symbol, kind] = names(signal.instrument_id);
    const vetoed = signal.status !== "published";
    const reasons = vetoed ? signal.vetoes.join(" · ") || signal.status : signal.key_factors.slice(0, 2).map((f) => f.words).join(" · ");
    return make("li", {},
      make("button",
        { type: "button", class: vetoed ? "item vetoed" : "item", "data-id": signal.id, "aria-pressed": String(signal.id === this.selected), onclick: () => this.onSelect(signal.id) },
        make("span", { class: `way ${signal.direction}` }, { long: "▲ long", short: "▼ short" }[signal.direction] ?? "neutral"),
        make("span", { class: "what" }, symbol, " ", make("span", { class: "muted" }, `${kind.startsWith("perp") ? "perp " : ""}${signal.timeframe}`)),
        vetoed ? make("span", { class: "tag" }, signal.status) : make("span", { class: "confidence", title: signal.calibrated ? "calibrated confidence" : "confidence, not calibrated" }, percent(signal.confidence)),
        make("time", { class: "muted", datetime: signal.time }, moment(seconds(signal.ts_event))),
        make("span", { class: "reasons" }, reasons)));
  }

  walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...this.list.querySelectorAll("button")];
    buttons[Math.min(buttons.length - 1, Math.max(0, buttons.indexOf(document.activeElement) + step))]?.focus();
  }
}
