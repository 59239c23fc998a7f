// The newest vector, value by value; one click leads from a value to its formula and draws it through time.

import { emptiness, make, say } from "./dom.js";
import { number } from "./format.js";

const code = (text) => make("code", {}, text);

/** The panel: it is told the catalogue once, and a vector at each close; `onSelect(entry or null)` hears of clicks. */
export class Features {
  constructor(element, note, filter, onSelect) {
    Object.assign(this, { element, note, filter, onSelect, entries: [], cells: new Map(), chosen: null });
    this.list = make("ul", { class: "values" });
    this.meaning = make("div", { class: "meaning" });
    filter.oninput = () => this.sift();
  }

  /** What the features mean, in the order of the vector. */
  know(entries) {
    this.entries = entries;
    this.cells = new Map(entries.map((entry) => [entry.name, this.row(entry)]));
    this.list.replaceChildren(...[...this.cells.values()].map(({ row }) => row));
    this.element.replaceChildren(...(entries.length ? [this.list, this.meaning] : [emptiness("No feature is known yet.")]));
    this.sift();
    this.explain(null);
  }

  /** A vector, an absence with its reason, or null for nothing yet. */
  show(vector) {
    const values = vector?.features ?? {};
    say(this.note, vector && !vector.features ? vector.reason : "");
    for (const [name, { row, figure }] of this.cells) {
      const value = values[name] ?? null;
      say(figure, value === null ? "–" : number(value, digits(value)));
      row.classList.toggle("unknown", value === null);
      row.classList.toggle("tainted", Boolean(vector?.tainted?.[name]));
      this.cells.get(name).taint = vector?.tainted?.[name];
    }
    if (this.chosen) this.explain(this.chosen);
  }

  row(entry) {
    const figure = make("span", { class: "figure" }, "–");
    const button = make("button", { type: "button", "aria-pressed": "false", title: entry.summary, onclick: () => this.choose(entry) },
      make("span", { class: "name" }, entry.name), figure);
    return { row: make("li", {}, button), button, figure };
  }

  choose(entry) {
    this.chosen = this.chosen === entry ? null : entry;
    for (const [name, { button }] of this.cells) button.setAttribute("aria-pressed", String(name === this.chosen?.name));
    this.explain(this.chosen);
    this.onSelect(this.chosen);
  }

  explain(entry) {
    if (!entry) {
      this.meaning.replaceChildren(emptiness("Select a value to see its formula.", "It is drawn on the chart as well."));
      return;
    }
    const fact = (name, ...value) => make("div", {}, make("dt", {}, name), make("dd", {}, ...value));
    const taint = this.cells.get(entry.name)?.taint;
    this.meaning.replaceChildren(
      make("h3", {}, entry.name),
      make("p", {}, `${entry.summary}.`),
      make("dl", {},
        fact("formula", code(entry.formula)),
        fact("source", entry.source),
        fact("part of", entry.place === "context" ? "the context: what lies across instruments and outside the market" : "the vector"),
        fact("unit", entry.unit + range(entry)),
        fact("inputs", entry.inputs.join(", ") || "the time of the close alone"),
        fact("ready after", `${entry.ready} bars`),
        fact("warm after", bars(entry.warm_up)),
        fact("a loss taints it for", bars(entry.memory)),
        fact("not known", entry.null),
        taint ? fact("tainted now", taint) : ""),
    );
  }

  sift() {
    const wanted = this.filter.value.trim().toLowerCase();
    for (const entry of this.entries) {
      this.cells.get(entry.name).row.hidden = !`${entry.name} ${entry.summary}`.toLowerCase().includes(wanted);
    }
  }
}

const bars = (text) => (/^\d+$/.test(text) ? `${text} bars` : text);

/** Bounds in words, where there are such. */
const range = ({ low, high }) =>
  low === null && high === null ? "" : `, ${low === null ? "" : `from ${low} `}${high === null ? "" : `to ${high}`}`.trimEnd();

/** Digits that leave five significant ones. */
const digits = (value) => Math.max(0, Math.min(16, 4 - Math.floor(Math.log10(Math.abs(value) || 1))));
