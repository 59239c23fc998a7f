// The key to an API that takes one. It is kept for this tab alone and sent as a header, never in an address.

import { $, say } from "./dom.js";

const NAME = "candlewick-key";

export const key = () => sessionStorage.getItem(NAME);

/** What a request says of who asks. */
export const bearing = () => (key() ? { authorization: `Bearer ${key()}` } : {});

/** Asks for a key, for the reason `why`; null: it is not needed (any more). */
export function askForKey(why) {
  $("key-form").hidden = !why;
  if (why) say($("key-why"), key() ? "This key is unknown or has ended." : "This API asks for a key.");
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(NAME, $("key").value.trim());
  $("key").value = "";
  $("key-form").hidden = true; // the next request, within a second, says whether it opens anything
});
