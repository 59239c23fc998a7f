// How good a version of a model was out of sample, what it looks at, and how far that has drifted since.

import { draw, make, prose } from "./dom.js";
import { count, moment, number, percent, seconds } from "./format.js";

const SHOWN = 8; // inputs, and lines of drift

/** A model that serves, from its line in /models/status and the answer of /models/{model}/{version}. */
export function card(event, { card, refused, drift }) {
  return make("article", { class: "card" },
    make("h3", {}, `${event.model} ${event.version.slice(0, 8)}`, card ? `: ${count(card.outcomes)} outcomes to ${moment(seconds(card.train_end))}` : ""),
    card ? null : prose(`It has no card: ${refused}.`, { class: "muted" }),
    make("div", { class: "figures" },
      card ? part("Reliability", ...reliability(card)) : null,
      card ? part("Importance", ...importance(card)) : null,
      part("Drift", ...drifted(drift))));
}

const part = (title, ...content) => make("section", {}, make("h4", {}, title), ...content);

const missing = (text) => [make("p", { class: "muted" }, text)];

/** Said against seen share of wins, out of sample; on the diagonal both are the same. */
function reliability({ curve, figures }) {
  if (!curve.length) return missing("Its training did not write it down.");
  const all = curve.flatMap(({ said, seen }) => [said, seen]);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const place = (value) => 5 + (90 * (value - low)) / (high - low || 1);
  const dots = curve.map(({ said, seen, rows }) => draw("circle", { cx: place(said), cy: 100 - place(seen), r: 2 },
    draw("title", {}, `said ${percent(said, 1)}, seen ${percent(seen, 1)} of ${count(rows)}`)));
  const between = `${percent(low)} to ${percent(high)}`;
  return [
    draw("svg", { class: "curve", viewBox: "0 0 100 100", role: "img", "aria-label": `Said and seen share of wins, ${between}` },
      draw("line", { x1: 5, y1: 95, x2: 95, y2: 5 }),
      draw("polyline", { points: curve.map(({ said, seen }) => `${place(said)},${100 - place(seen)}`).join(" ") }),
      ...dots),
    make("p", { class: "muted" }, `said → seen, ${between}`, "auc" in figures ? `; AUC ${number(figures.auc, 3)}` : ""),
  ];
}

/** The inputs that weigh most: the mean of the windows, and from the least to the most of them. */
function importance({ importance, figures }) {
  if (!importance.length) return missing("Its training did not write it down.");
  const most = Math.max(...importance.map(({ high }) => high));
  const at = (share) => (100 * share) / most;
  const rows = importance.slice(0, SHOWN).map(({ feature, mean, low, high }) =>
    make("li", { title: `${percent(low, 1)} to ${percent(high, 1)} in the windows` },
      make("span", { class: "name" }, feature),
      draw("svg", { viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
        draw("rect", { x: 0, y: 1, width: at(mean), height: 6 }),
        draw("line", { x1: at(low), y1: 4, x2: at(high), y2: 4 })),
      make("span", { class: "figure" }, percent(mean, 1))));
  const stability = figures.importance_stability;
  return [
    make("ul", { class: "weights" }, ...rows),
    stability === undefined ? null : make("p", { class: "muted" }, `rank correlation from window to window ${number(stability, 2)}`),
  ];
}

/** Those furthest beyond their thresholds, with the way there. */
function drifted(lines) {
  if (!lines.length) return missing("Nothing is told yet: a window is 200 candidates.");
  const alerts = lines.reduce((sum, line) => sum + line.alerts, 0);
  const last = Math.max(...lines.map(({ last_alert }) => last_alert ?? 0));
  const rows = lines.slice(0, SHOWN).map((line) =>
    make("li", { class: line.alerts ? "bad" : null, title: `to ${moment(seconds(line.ts_close))}` },
      make("span", { class: "name" }, `${line.feature} ${line.measure}`),
      trail(line),
      make("span", { class: "figure" }, number(line.value, 2), line.threshold === null ? "" : ` of ${number(line.threshold, 2)}`)));
  return [
    make("ul", { class: "weights" }, ...rows),
    make("p", { class: "muted" }, alerts ? `alerts: ${alerts}, the last ${moment(seconds(last))}` : "no alert"),
  ];
}

/** A line through time, and the threshold. */
function trail({ values, threshold }) {
  const [low, high] = [Math.min(0, ...values), Math.max(threshold ?? 0, ...values)];
  const y = (value) => 15 - (14 * (value - low)) / (high - low || 1);
  const step = 100 / Math.max(1, values.length - 1);
  const points = values.length > 1 ? values.map((value, i) => [i * step, value]) : [[0, values[0]], [100, values[0]]];
  return draw("svg", { viewBox: "0 0 100 16", preserveAspectRatio: "none", "aria-hidden": "true" },
    threshold === null ? null : draw("line", { x1: 0, y1: y(threshold), x2: 100, y2: y(threshold) }),
    draw("polyline", { points: points.map(([x, value]) => `${x},${y(value)}`).join(" ") }));
}
