/**
 * Owns the bars of the confidence and the two fields below them. The one rule: bars and fields set the same range.
 */

import { h } from "./dom.js";
import { readShare } from "./filters.js";
import { plural, text } from "./texts.js";

const BINS = 10;

export class Histogram {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.bars = h("div", { class: "desk-bins" });
    this.low = this.#buildField("confidence_min", "0");
    this.high = this.#buildField("confidence_max", "1");
    const dash = h("span", { "aria-hidden": "true" }, "–");
    this.element = h(
      "div",
      { class: "desk-group", role: "group", "aria-label": text("desk.confidence") },
      h("h4", {}, text("desk.confidence")),
      this.bars,
      h("div", { class: "desk-range" }, this.low, dash, this.high),
    );
  }

  render() {
    const bins = this.store.facets?.confidence ?? [];
    const { confidence_min: low, confidence_max: high } = this.store.filters;
    const most = Math.max(1, ...bins);
    this.element.hidden = !bins.some(Boolean) && low === null && high === null;
    this.bars.replaceChildren(...bins.map((flags, at) => this.#buildBar(at, flags, flags / most)));
    showShare(this.low, low);
    showShare(this.high, high);
  }

  #buildField(bound, placeholder) {
    return h("input", {
      class: "desk-field",
      inputmode: "decimal",
      placeholder,
      "aria-label": text(`desk.${bound}`),
      onchange: ({ target }) => this.store.setFilters({ [bound]: readShare(target.value) }),
    });
  }

  /** A bar chooses its part of the range; the chosen one gives the whole range back. */
  #buildBar(at, flags, share) {
    const [from, to] = [at / BINS, (at + 1) / BINS];
    const { confidence_min: low, confidence_max: high } = this.store.filters;
    const isChosen = low === from && high === to;
    const range = isChosen ? [null, null] : [from, to];
    const words = `${from}–${to}: ${plural("desk.flags", flags)}`;
    return h(
      "button",
      {
        type: "button",
        class: from >= (low ?? 0) && to <= (high ?? 1) ? "desk-bin" : "desk-bin desk-out",
        title: words,
        "aria-label": words,
        "aria-pressed": String(isChosen),
        "data-key": `bin ${at}`,
        onclick: () => this.store.setFilters({ confidence_min: range[0], confidence_max: range[1] }),
      },
      h("span", { style: { height: flags ? `max(2px, ${100 * share}%)` : "0" } }),
    );
  }
}

function showShare(field, share) {
  if (field !== document.activeElement) field.value = share ?? "";
}
