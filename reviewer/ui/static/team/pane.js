/**
 * Owns what the panes of a team share: they load when they come into sight, and say what went wrong in one place. The
 * one rule: a pane that nobody sees asks the server nothing.
 */

import { h } from "../desk/dom.js";
import { loadTexts } from "../desk/texts.js";

/**
 * Fill an element with a pane.
 * @param {HTMLElement} element
 * @param {(root: HTMLElement, tell: (words: string, isBad?: boolean) => void) => { load: () => Promise<void> }} build
 */
export async function mountPane(element, build) {
  await loadTexts();
  const message = h("p", { class: "team-message", role: "status" });
  const root = h("div", { class: "team-pane" });
  const tell = (words, isBad = false) => {
    message.textContent = words;
    message.classList.toggle("team-bad", isBad);
  };
  const pane = build(root, tell);
  element.replaceChildren(message, root);
  const load = () => pane.load().catch((error) => tell(error.message, true));
  const seen = new IntersectionObserver(([entry]) => entry.isIntersecting && load());
  seen.observe(element);
}

/** A button that does one thing at a time. */
export function button(words, onclick, properties = {}) {
  const run = async () => {
    made.disabled = true;
    await onclick();
    made.disabled = false;
  };
  const made = h("button", { type: "button", class: "team-button", onclick: run, ...properties }, words);
  return made;
}

/** A field under its label. */
export function field(words, input) {
  return h("label", { class: "team-field" }, h("span", {}, words), input);
}

/** A choice out of few; `choices` are [value, words]. */
export function select(choices, value, onchange) {
  const options = choices.map(([each, words]) => h("option", { value: each, selected: each === value }, words));
  return h("select", { class: "team-input", onchange: (event) => onchange(event.target.value) }, ...options);
}
