// The connection light, the lag, and the one line about what is wrong.

import { $, say } from "./dom.js";
import { span } from "./format.js";

const FRESH = 15; // s; book samples come each second
const FRESH_BARS = 120; // s; without books there are only bars

export class Status {
  constructor() {
    this.error = null;
    this.advice = null;
    this.streaming = false;
    this.newest = { at: null, hasBook: false };
    this.stale = false;
  }

  /** A request failed with `error`; null: all is well again. */
  report(error) {
    this.error = error;
    this.draw();
  }

  /** What to do while there is nothing to show at all; null: there is something. */
  advise(text) {
    this.advice = text;
    this.draw();
  }

  /** Up to when data is known; see view.js. */
  know(newest) {
    this.newest = newest;
    this.draw();
  }

  draw() {
    const words = this.error ? `${this.error.message.replace(/[.;]$/, "")}. Trying again …` : this.advice;
    $("notice").hidden = !words;
    say($("notice"), words ?? "");
    const lag = this.newest.at === null ? null : Date.now() / 1000 - this.newest.at;
    say($("lag"), lag === null ? "" : `lag ${lag < 10 ? `${Math.max(0, lag).toFixed(1)} s` : span(lag)}`);
    const [state, name] = this.judge(lag);
    const light = $("light");
    if (light.dataset.state !== state) light.dataset.state = state;
    say(light, name);
  }

  judge(lag) {
    if (this.error) return ["down", this.error.status === 0 ? "API down" : this.error.status === 503 ? "database down" : "error"];
    if (lag === null) return ["waiting", "no data yet"];
    if (lag > (this.newest.hasBook ? FRESH : FRESH_BARS)) return ["stale", "data is old"];
    if (this.stale) return ["stale", "book is stale"];
    return this.streaming ? ["live", "live"] : ["waiting", "connecting"];
  }
}
