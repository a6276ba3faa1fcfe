/**
 * Owns the choice of one out of many by typing a part of it. The one rule: what fits best stands first, and Enter
 * takes the one that is marked.
 */

import { openDialog } from "./dialogs.js";
import { h } from "./dom.js";
import { plural, text } from "./texts.js";

const MOST_SHOWN = 100;

/**
 * Let the reviewer choose one of many texts.
 * @param {HTMLElement} parent
 * @param {{ title: string, hint: string, choices: string[], canAdd?: boolean }} about `canAdd`: what is typed counts
 * @param {(choice: string) => void} onChoose
 */
export function openPicker(parent, { title, hint, choices, canAdd = false }, onChoose) {
  const picker = new Picker({ title, hint, choices, canAdd }, (choice) => {
    dialog.close();
    onChoose(choice);
  });
  const dialog = openDialog(parent, title, [picker.field, picker.list, picker.rest]);
  picker.draw();
  picker.field.focus();
}

class Picker {
  constructor({ title, hint, choices, canAdd }, onChoose) {
    Object.assign(this, { canAdd, onChoose });
    this.choices = choices.map((choice) => ({ choice, lower: choice.toLowerCase() }));
    this.at = 0;
    this.list = h("ul", { class: "desk-picker", role: "listbox", id: "desk-picker", "aria-label": title });
    this.rest = h("p", { class: "desk-picker-rest", role: "status" });
    this.field = h("input", {
      class: "desk-field",
      role: "combobox",
      placeholder: hint,
      "aria-label": hint,
      "aria-expanded": "true",
      "aria-controls": "desk-picker",
      autocomplete: "off",
      oninput: () => this.#mark(0),
      onkeydown: (event) => this.#onKey(event),
    });
  }

  draw() {
    const typed = this.field.value.trim();
    this.found = rank(this.choices, typed.toLowerCase());
    if (this.canAdd && typed && !this.found.includes(typed)) this.found.push(typed);
    this.at = Math.max(0, Math.min(this.at, this.found.length - 1, MOST_SHOWN - 1));
    this.list.replaceChildren(...this.found.slice(0, MOST_SHOWN).map((choice, at) => this.#buildOption(choice, at)));
    const hidden = this.found.length - this.list.children.length;
    this.rest.textContent = hidden ? plural("desk.picker.rest", hidden) : this.found.length ? "" : text("desk.picker.none");
    this.field.setAttribute("aria-activedescendant", this.found.length ? `desk-pick-${this.at}` : "");
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  #buildOption(choice, at) {
    const properties = { role: "option", id: `desk-pick-${at}`, "aria-selected": String(at === this.at) };
    return h("li", { ...properties, onclick: () => this.onChoose(choice) }, choice);
  }

  #mark(at) {
    this.at = at;
    this.draw();
  }

  #onKey(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if ((!step && event.key !== "Enter") || event.isComposing) return;
    event.preventDefault();
    if (step) this.#mark(this.at + step);
    else if (this.found.length) this.onChoose(this.found[this.at]);
  }
}

/** The choices that hold what was typed; those that begin with it come first, the very one before them. */
function rank(choices, typed) {
  const ranks = [[], [], []];
  for (const { choice, lower } of choices) {
    const at = lower === typed ? 0 : lower.startsWith(typed) ? 1 : lower.includes(typed) ? 2 : -1;
    ranks[at]?.push(choice);
  }
  return ranks.flat();
}
