/**
 * Owns the field for the right value of a model that answers with a number. The one rule: what is half typed on one
 * flag is there again when the flag is.
 */

import { h, keycap } from "./dom.js";
import { KEYS } from "./keys.js";
import { text } from "./texts.js";

export class RightValue {
  /** @param {(value: number) => void} onSend */
  constructor(onSend) {
    this.onSend = onSend;
    /** Flag → what was typed for it. */
    this.drafts = new Map();
    this.shownId = null;
    this.unit = h("span", { class: "desk-unit" });
    this.problem = h("small", { class: "desk-bad", role: "alert" });
    this.field = h("input", {
      class: "desk-field",
      inputmode: "decimal",
      autocomplete: "off",
      oninput: () => this.drafts.set(this.shownId, this.field.value),
      onkeydown: (event) => this.#onKey(event),
    });
    const label = h("label", {}, text("desk.right_value"), keycap(KEYS.value?.[0]), this.field);
    const send = { type: "button", class: "desk-button", onclick: () => this.#send() };
    const button = h("button", send, text("desk.correct_value"), keycap("Enter"));
    this.element = h("div", { class: "desk-compose-row" }, label, this.unit, button, this.problem);
  }

  /** Show the field for a flag, filled with what was typed for it, else with what the flagger suggests. */
  turnTo(flag, model) {
    if (flag.flag_id === this.shownId) return;
    this.shownId = flag.flag_id;
    this.unit.textContent = model?.unit ?? "";
    this.field.value = this.drafts.get(flag.flag_id) ?? readNumber(flag.suggested_label) ?? "";
    this.problem.textContent = "";
  }

  #onKey(event) {
    if (event.key === "Enter") this.#send();
    if (event.key === "Escape") event.target.blur();
  }

  #send() {
    const typed = this.field.value.trim();
    const value = readNumber(typed);
    if (value === null) {
      this.problem.textContent = text("desk.error.number", { typed });
      return;
    }
    this.drafts.delete(this.shownId);
    this.field.blur();
    this.onSend(value);
  }
}

/** A number as people type it, with a point or a comma; null when it is none. */
function readNumber(typed) {
  const value = Number((typed ?? "").trim().replace(",", ".") || NaN);
  return Number.isFinite(value) ? value : null;
}
