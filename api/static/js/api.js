// The way to the API: reading, and the stream of new signals.

import { bearing, key } from "./key.js";

/** A failure in words for a person; `status` is 0 if the API could not be reached at all. */
export class ApiError extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

const UNREACHABLE = "The API cannot be reached: is `candlewick api` or `make demo` running?";

/** GET `path` with `query`; parameters that are undefined are left out. */
export async function read(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const address = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  let response;
  try {
    response = await fetch(address, { headers: { accept: "application/json", ...bearing() } });
  } catch {
    throw new ApiError(0, UNREACHABLE);
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body.error ?? `The API answered ${response.status}.`);
  return body;
}

/** The path of an instrument's resource; an identifier holds `/` and `:`, which belong into the path as they are. */
export const of = (resource, instrumentId) => `/${resource}/${encodeURI(instrumentId).replaceAll("?", "%3F").replaceAll("#", "%23")}`;

/**
 * Calls `onSignal` for each signal as it is stored, once, and goes on where it was after any interruption.
 * `onState` hears whether the stream is open.
 */
export function follow(onSignal, onState) {
  let after;
  let wait = 500;

  function connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    // A script cannot give a socket headers: the key goes as a subprotocol beside the one that the server answers with.
    const socket = new WebSocket(`${scheme}://${location.host}/ws/signals${after ? `?after=${after}` : ""}`, key() ? ["candlewick", key()] : []);
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "refusal") {
        after = undefined; // the store is another one now: begin from what it has
        return;
      }
      wait = 500;
      after = message.after;
      onState(true);
      if (message.type === "signal") onSignal(message.signal);
    };
    socket.onclose = () => {
      onState(false);
      setTimeout(connect, wait);
      wait = Math.min(2 * wait, 10_000);
    };
  }

  connect();
}
