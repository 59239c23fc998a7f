// Which versions of models serve and how they do, and the changelog: what happened to them, when and why.

import { card } from "./card.js";
import { emptiness, make } from "./dom.js";
import { moment, seconds } from "./format.js";

const WORDS = { activated: "serves", deactivated: "no longer serves", refused: "was refused", shadowed: "is asked in the shadow", "no longer shadowed": "left the shadow", "begun anew": "learns again" };

/** The panel's content from the answers of /models/status and, for each that serves, /models/{model}/{version}. */
export function models(status, versions) {
  if (!status.events.length) return [emptiness("No model serves.", "The strategy goes by its rules alone: `candlewick train`, then `candlewick models activate`.")];
  return [
    make("table", { class: "stages" },
      make("caption", { class: "unseen" }, "Models that serve"),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "serves"), make("th", { scope: "col" }, "version"), make("th", { scope: "col" }, "since"))),
      make("tbody", {}, ...status.serving.map((event) =>
        make("tr", { class: event.details.gates_failed?.length ? "bad" : null, title: gates(event) },
          make("th", { scope: "row" }, event.model),
          make("td", {}, event.version.slice(0, 8)),
          make("td", { class: "muted" }, moment(seconds(event.ts_event))))))),
    make("div", { class: "ledger" },
      make("h3", {}, "Changelog"),
      make("ul", {}, ...status.events.map(entry))),
    ...status.serving.map((event, i) => card(event, versions[i])),
  ];
}

const gates = (event) => (event.details.gates_failed?.length ? `Did not pass: ${event.details.gates_failed.join(", ")}` : null);

function entry(event) {
  return make("li", { title: event.details.reason ?? event.details.why ?? gates(event) },
    make("span", { class: event.event === "refused" || event.details.gates_failed?.length ? "dot bad" : "dot" }),
    make("span", {}, `${event.model} ${event.version.slice(0, 8)}`),
    make("span", { class: "muted" }, WORDS[event.event] ?? event.event),
    make("span", { class: "muted" }, event.details.late ? "late" : ""),
    make("time", { class: "muted", datetime: event.time }, moment(seconds(event.ts_event))));
}
