// Why a signal: its factors in words with their shares, and its levels as prices, distances and multiples of the risk.

import { emptiness, make } from "./dom.js";
import { amount, moment, names, number, percent, seconds, signed, span } from "./format.js";

/** What to show of `signal`, or of none; `digits` are its price's. */
export function detail(signal, digits) {
  if (!signal) return [emptiness("Select a signal to see why it was made.", "Its entry zone, stop and targets are drawn on the chart.")];
  const [symbol, kind] = names(signal.instrument_id);
  const published = signal.status === "published";
  return [
    make("div", { class: "summary" },
      make("p", { class: "headline" },
        make("span", { class: `way ${signal.direction}` }, { long: "▲ long", short: "▼ short" }[signal.direction] ?? "neutral"), " ",
        make("b", {}, symbol), " ", make("span", { class: "muted" }, `${kind} · ${signal.timeframe} · ${signal.strategy} ${signal.strategy_version}`),
        published ? null : make("span", { class: "tag" }, signal.status)),
      make("p", { class: "explanation" }, signal.explanation),
      published ? null : make("ul", { class: "vetoes" }, ...signal.vetoes.map((why) => make("li", {}, why)))),
    make("div", { class: "factors" },
      make("h3", {}, "Key factors"),
      make("ul", {}, ...signal.key_factors.map((factor) => share(factor, strongest(signal))))),
    make("div", { class: "levels" },
      make("h3", {}, "Levels"), levels(signal, digits), facts(signal)),
    ...signal.models.map(model),
  ];
}

/** A model's word, and the inputs that add most to its logit. */
function model(opinion) {
  const parts = opinion.contributions.slice(0, 8);
  const most = Math.max(...parts.map((part) => Math.abs(part.contribution)), 1e-9);
  const words = (part) => `${part.feature} ${part.value === null ? "not known" : `at ${Number(part.value.toPrecision(4))}`}`;
  return make("div", { class: "factors" },
    make("h3", {}, `Model ${opinion.model} ${opinion.version.slice(0, 8)}: ${percent(opinion.probability, 1)}`),
    make("ul", {}, ...parts.map((part) => share({ ...part, words: words(part) }, most))));
}

const strongest = (signal) => Math.max(...signal.key_factors.map((factor) => Math.abs(factor.contribution)), 1e-9);

function share(factor, most) {
  const speaksFor = factor.contribution >= 0;
  const bar = make("i", { class: speaksFor ? "for" : "against" });
  bar.style.width = percent(Math.abs(factor.contribution) / most / 2, 1);
  return make("li", { title: `${factor.feature} = ${factor.value}` },
    make("span", { class: "words" }, factor.words),
    make("span", { class: "bar" }, bar),
    make("span", { class: "figure" }, signed(factor.contribution, 2)));
}

function levels(signal, digits) {
  const middle = (signal.entry_low + signal.entry_high) / 2;
  const risk = Math.abs(middle - signal.stop) || 1;
  const sign = signal.direction === "short" ? -1 : 1;
  const line = (name, price, kind) =>
    make("tr", { class: kind }, make("th", { scope: "row" }, name), make("td", {}, number(price, digits)),
      make("td", { class: "muted" }, `${signed((price / middle - 1) * 100, 2)}%`),
      make("td", { class: "muted" }, `${signed((sign * (price - middle)) / risk, 1)} R`));
  const rows = [
    ...signal.targets.map((target, i) => line(`Target ${i + 1}`, target, "target")).toReversed(),
    make("tr", {}, make("th", { scope: "row" }, "Entry"),
      make("td", {}, number(signal.entry_low, digits)), make("td", { class: "muted" }, "to"), make("td", {}, number(signal.entry_high, digits))),
    line("Stop", signal.stop, "stop"),
  ];
  return make("table", {}, make("tbody", {}, ...(sign < 0 ? rows.toReversed() : rows)));
}

function facts(signal) {
  const fact = (name, value) => make("div", {}, make("dt", {}, name), make("dd", {}, value));
  return make("dl", {},
    fact(signal.calibrated ? "confidence" : "confidence, raw", percent(signal.confidence)),
    fact("risk / reward", number(signal.risk_reward, 1)),
    fact("size", signal.size === null ? "not known" : amount(signal.size)),
    fact("entry until", moment(seconds(signal.expiry))),
    fact("horizon", span(signal.horizon / 1e9)),
    signal.quality.length ? fact("quality", signal.quality.join(", ")) : "");
}
