// What went through each stage and how fresh it is, and the newest records of the integrity ledger.

import { emptiness, make } from "./dom.js";
import { count, gapName, moment, names, seconds, span } from "./format.js";

const STAGES = { bars: "Bars", features: "Feature vectors", books: "Book samples", candidates: "Candidates", signals: "Signals", gaps: "Gaps", dead_letters: "Dead letters" };
const SERIOUS = new Set(["book_sequence", "book_checksum", "book_crossed", "trade_sequence", "disconnected"]);

/** The panel's content from the answers of /stats and /gaps. */
export function quality(stats, gaps) {
  const now = Date.parse(stats.now) / 1000;
  const stages = stats.stages.filter((stage) => stage.table in STAGES);
  return [
    make("table", { class: "stages" },
      make("caption", { class: "unseen" }, "Stored so far"),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "stored"), make("th", { scope: "col" }, "rows"), make("th", { scope: "col" }, "newest"))),
      make("tbody", {}, ...stages.map((stage) =>
        make("tr", { class: stage.table === "dead_letters" && stage.rows ? "bad" : null },
          make("th", { scope: "row" }, STAGES[stage.table]),
          make("td", {}, (stage.exact ? "" : "about ") + count(stage.rows)),
          make("td", { class: "muted" }, stage.newest === null ? "–" : `${span(now - stage.newest / 1e9)} ago`))))),
    make("div", { class: "ledger" },
      make("h3", {}, "Integrity ledger"),
      gaps.items.length
        ? make("ul", {}, ...gaps.items.map(entry))
        : emptiness("Nothing was lost.", "Gaps, late and out-of-sequence data would be listed here.")),
  ];
}

function entry(gap) {
  const long = (gap.ts_end - gap.ts_start) / 1e9;
  return make("li", { title: gap.detail || null },
    make("span", { class: SERIOUS.has(gap.kind) ? "dot bad" : "dot" }),
    make("span", {}, gapName(gap.kind), gap.count > 1 ? ` × ${count(gap.count)}` : ""),
    make("span", { class: "muted" }, names(gap.instrument_id)[0]),
    make("span", { class: "muted" }, long >= 0.1 ? `${long.toFixed(1)} s` : ""),
    make("time", { class: "muted", datetime: gap.time }, moment(seconds(gap.ts_end))));
}
