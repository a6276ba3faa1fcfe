/**
 * Owns the notices above the queue: what the server refused, and how work on many flags ended. The one rule: a
 * notice stays until somebody has seen it.
 */

import { h } from "./dom.js";
import { formatAgo } from "./format.js";
import { sayDecision } from "./history.js";
import { plural, text } from "./texts.js";

export class Notices {
  /**
   * @param {import("./store.js").Store} store
   * @param {{ show: (flagId: string) => void, insist: (operation: Object) => void }} hooks
   */
  constructor(store, hooks) {
    Object.assign(this, { store, hooks });
    this.element = h("div", { class: "desk-notices", role: "alert" });
  }

  /** Say that the server refused an operation, and why. */
  addRefusal(operation, error) {
    const [id] = operation.flag_ids;
    const { conflict, flag } = error.body;
    const refused = h("b", {}, text("desk.refused", { said: operation.said }));
    const why = conflict ? sayConflict(conflict, this.store.models.get(flag?.model)) : error.message;
    const about = (id && this.store.row(id)?.preview) || id;
    const canInsist = conflict && operation.route === "reviews";
    const choices = [
      id && [text("desk.show"), () => this.hooks.show(id)],
      canInsist && [text("desk.take_mine", { said: operation.said }), () => this.hooks.insist(operation)],
      canInsist && [text("desk.take_theirs"), () => {}],
    ];
    this.#add([refused, " ", why, about && h("small", {}, about)], choices, "bad", canInsist);
  }

  /** Say how work on many flags ended that did not reach all of them. */
  addResult(operation, job) {
    const words = job.state === "cancelled" ? "desk.bulk.cancelled" : "desk.bulk.done";
    const head = h("b", {}, `${operation.said}: `, plural(words, job.changed));
    const skipped = job.skipped > 0 && this.#buildSkipped(job);
    this.#add([head, skipped], [], "warn");
  }

  /** Say a sentence about something that went wrong. */
  addSentence(words) {
    this.#add([words], [], "bad");
  }

  #buildSkipped({ skipped, reasons }) {
    const lines = reasons.map((each) => h("li", {}, this.#buildReason(each)));
    const more = skipped - reasons.length;
    if (more > 0) lines.push(h("li", {}, plural("desk.more", more)));
    return h("details", {}, h("summary", {}, plural("desk.bulk.skipped", skipped)), h("ul", {}, ...lines));
  }

  #buildReason({ flag_id: id, reason }) {
    const show = { type: "button", class: "desk-link", onclick: () => this.hooks.show(id) };
    return [h("button", show, this.store.row(id)?.preview || id), ` ${reason}`];
  }

  #add(said, choices, tone, isChoiceNeeded = false) {
    const offered = choices.filter(Boolean).map(([words, act]) => this.#buildButton(words, () => close(act)));
    const dismiss = !isChoiceNeeded && this.#buildButton("✕", () => close(), text("desk.dismiss"));
    const words = h("div", { class: "desk-grow" }, ...said);
    const notice = h("div", { class: `desk-notice desk-notice-${tone}` }, words, ...offered, dismiss);
    const close = (act) => {
      notice.remove();
      act?.();
    };
    this.element.append(notice);
  }

  #buildButton(words, onclick, label = null) {
    return h("button", { type: "button", class: "desk-button", "aria-label": label, onclick }, words);
  }
}

function sayConflict(event, model) {
  const who = event.reviewer || text("desk.somebody");
  return text("desk.conflict", { who, ago: formatAgo(event.reviewed_at), said: sayDecision(event, model) });
}
