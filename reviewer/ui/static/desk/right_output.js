/**
 * Owns the field for the right output of a model that answers neither with a label nor with a number. The one rule:
 * what is half typed on one flag is there again when the flag is.
 */

import { h, keycap } from "./dom.js";
import { KEYS } from "./keys.js";
import { shorten, text } from "./texts.js";

const MOST_PREFILLED = 100_000;

/** Outputs that nobody can type. */
const DRAWN = ["image", "plot"];

export class RightOutput {
  /** @param {(output: unknown) => void} onSend takes a text, or a JSON value */
  constructor(onSend) {
    this.onSend = onSend;
    /** Flag → what was typed for it. */
    this.drafts = new Map();
    this.shown = {};
    this.words = h("span", {});
    this.problem = h("small", { class: "desk-bad", role: "alert" });
    this.field = h("textarea", {
      class: "desk-field desk-output-field",
      id: "desk-right-output",
      oninput: () => this.drafts.set(this.shown.id, this.field.value),
      onkeydown: (event) => this.#onKey(event),
    });
    const label = h("label", { for: this.field.id }, this.words, keycap(KEYS.value[0]));
    const send = { type: "button", class: "desk-button", onclick: () => this.#send() };
    const button = h("button", send, text("desk.correct_value"), keycap("Ctrl Enter"));
    this.element = h("div", { class: "desk-compose-row" }, label, button, this.field, this.problem);
  }

  /** Show the field for a flag, filled with the best answer known, so that it needs a change only. */
  turnTo(flag, model) {
    const isFilled = "inputs" in flag;
    const isSame = flag.flag_id === this.shown.id;
    if (isSame && this.shown.isFilled >= isFilled) return;
    this.isText = findComponents(model).join() === "text";
    this.shown = { id: flag.flag_id, isFilled, output: flag.output ?? null };
    this.words.textContent = text(this.isText ? "desk.right_output" : "desk.right_json");
    this.field.value = this.drafts.get(flag.flag_id) ?? this.#prefill(flag);
    this.problem.textContent = "";
  }

  #prefill({ corrected_output: corrected, suggested_label: suggested, output }) {
    const known = corrected ?? output ?? null;
    const words = (!corrected && suggested) || (known === null ? "" : this.#write(known));
    return words.length > MOST_PREFILLED ? "" : words;
  }

  #write(output) {
    return this.isText && typeof output === "string" ? output : JSON.stringify(output, null, 2);
  }

  #onKey(event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#send();
    if (event.key === "Escape") event.target.blur();
  }

  #send() {
    const typed = this.field.value;
    const output = this.isText ? typed : readJson(typed);
    if (output === undefined || output === null || output === "") {
      const key = output === undefined ? "desk.error.json" : "desk.error.no_output";
      this.problem.textContent = text(key, { typed: shorten(typed) });
      return;
    }
    this.drafts.delete(this.shown.id);
    this.field.blur();
    this.onSend(output);
  }
}

/** Whether people can type what the model should have answered. */
export const isTypable = (model) => !(findComponents(model).length === 1 && DRAWN.includes(findComponents(model)[0]));

const findComponents = (model) => Object.values(model?.outputs ?? {}).map(({ component }) => component);

/** What stands in a JSON text; undefined when it is broken. */
function readJson(typed) {
  try {
    return JSON.parse(typed);
  } catch {
    return undefined;
  }
}
