// The connection light, the lag, and the one line about what is wrong.

import { $, make, prose, say } from "./dom.js";
import { span } from "./format.js";
import { askForKey } from "./key.js";

const FRESH = 15; // s; book samples come each second
const FRESH_BARS = 120; // s; without books there are only bars

export class Status {
  constructor() {
    this.error = null;
    this.streaming = false;
    this.newest = { at: null, hasBook: false };
    this.stale = false;
  }

  /** A request failed with `error`; null: all is well again. */
  report(error) {
    this.error = error;
    this.draw();
  }

  /** Up to when data is known; see view.js. */
  know(newest) {
    this.newest = newest;
    this.draw();
  }

  draw() {
    const locked = this.error?.status === 401;
    askForKey(locked ? this.error.message : null);
    const message = locked ? undefined : this.error?.message;
    if (message !== this.told) this.tell(message);
    const lag = this.newest.at === null ? null : Date.now() / 1000 - this.newest.at;
    say($("lag"), lag === null ? "" : `lag ${lag < 10 ? `${Math.max(0, lag).toFixed(1)} s` : span(lag)}`);
    const [state, name] = this.judge(lag);
    const light = $("light");
    if (light.dataset.state !== state) light.dataset.state = state;
    say(light, name);
  }

  /** The notice is redrawn only where it changes: it is read out aloud when it does. */
  tell(message) {
    this.told = message;
    $("notice").hidden = !message;
    $("notice").replaceChildren(...(message ? [prose(message), make("span", { class: "muted" }, "Trying again …")] : []));
  }

  judge(lag) {
    if (this.error?.status === 401) return ["waiting", "locked"];
    if (this.error) return ["down", this.error.status === 0 ? "API down" : this.error.status === 503 ? "database down" : "error"];
    if (lag === null) return ["waiting", "no data yet"];
    if (lag > (this.newest.hasBook ? FRESH : FRESH_BARS)) return ["stale", "data is old"];
    if (this.stale) return ["stale", "book is stale"];
    return this.streaming ? ["live", "live"] : ["waiting", "connecting"];
  }
}
