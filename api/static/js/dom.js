// Making and changing elements. Text is always set as text: nothing that comes from outside is read as HTML.

export const $ = (id) => document.getElementById(id);

/** An element: `make("p", {class: "muted"}, "text", child, …)`; a property that is false or null is left out. */
export const make = (tag, properties, ...children) => filled(document.createElement(tag), properties, children);

/** The same of SVG. */
export const draw = (tag, properties, ...children) => filled(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);

function filled(element, properties = {}, children = []) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Sets text only where it differs, so that a second's update touches little. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A paragraph whose words between backticks are code. */
export function prose(text, properties) {
  return make("p", properties, ...text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part)));
}

/** What stands where there is nothing to show: a line, and what to do about it. */
export function emptiness(line, advice) {
  return make("div", { class: "nothing" }, prose(line), advice ? prose(advice, { class: "muted" }) : null);
}
