/**
 * Owns the left pane and the chips above the queue. The one rule: a filter is shown wherever it is set, also when
 * nothing matches it any more, so that it can be taken off.
 */

import { h } from "./dom.js";
import { FACETS, emptyFilters, isFiltered, listViews, toggleFacet } from "./filters.js";
import { formatCount, formatVersion } from "./format.js";
import { Histogram } from "./histogram.js";
import { name, plural, text } from "./texts.js";

const VALUES_SHOWN = 8;
const NAMED = new Set(["option", "severity", "resolution", "verification", "source"]);

export class Facets {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./saved_views.js").SavedViews} saved
   */
  constructor(store, saved) {
    Object.assign(this, { store, saved });
    /** What the pane shows, so that a key that changes none of it draws nothing here. */
    this.shown = [];
    this.expanded = new Set();
    this.views = h("div", { class: "desk-group", role: "group", "aria-label": text("desk.views") });
    this.groups = h("div", {});
    this.histogram = new Histogram(store);
    this.chips = h("div", { class: "desk-chips" });
    const words = text("desk.views_and_filters");
    const parts = [this.views, saved.element, this.groups, this.histogram.element];
    this.toggle = h("button", { class: "desk-toggle", type: "button", onclick: () => this.#open() }, words);
    const body = h("div", { class: "desk-views-body" }, ...parts);
    this.element = h("nav", { class: "desk-views", "aria-label": words }, this.toggle, body);
    this.#open(false);
  }

  render() {
    this.saved.render();
    const { filters, facets, counts } = this.store;
    const shown = [filters, facets, counts, this.expanded.size];
    if (shown.every((each, at) => each === this.shown[at])) return;
    this.shown = shown;
    this.#draw();
  }

  /** Go to the filters with the keyboard. */
  focus() {
    this.#open(true);
    (this.groups.querySelector("button") ?? this.views.querySelector("button")).focus();
  }

  #draw() {
    const focused = document.activeElement?.dataset?.key;
    const views = listViews(this.store.counts, this.store.filters.view).map((view) => this.#buildView(view));
    const groups = Object.keys(FACETS).map((facet) => this.#buildGroup(facet));
    this.views.replaceChildren(heading(text("desk.views")), ...views);
    this.groups.replaceChildren(...groups.filter(Boolean));
    this.histogram.render();
    this.chips.replaceChildren(...this.#buildChips());
    if (focused) this.element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  /** Take all filters off; view and order stay. */
  clear() {
    const { view, sort, seed } = this.store.filters;
    if (isFiltered(this.store.filters)) this.store.setFilters({ ...emptyFilters(), view, sort, seed });
  }

  /** On a narrow page the pane is folded. */
  #open(isOpen = !this.element.classList.contains("desk-open")) {
    this.element.classList.toggle("desk-open", isOpen);
    this.toggle.setAttribute("aria-expanded", isOpen);
  }

  #buildView(view) {
    const isOn = view === this.store.filters.view;
    const choose = () => this.store.setFilters({ view });
    return buildEntry(`view ${view}`, text(`desk.view.${view}`), this.store.counts[view], isOn, choose);
  }

  /** One value is no choice: a facet shows from two on, or when it is set. */
  #buildGroup(facet) {
    const chosen = this.store.filters[facet];
    const values = withChosen(this.store.facets?.[facet] ?? [], chosen);
    if (values.length < 2 && chosen.length === 0) return null;
    const most = Math.max(1, ...values.map(({ flags }) => flags));
    const shown = this.expanded.has(facet) ? values : values.slice(0, VALUES_SHOWN);
    return h(
      "div",
      { class: "desk-group", role: "group", "aria-label": text(`desk.facet.${facet}`) },
      heading(text(`desk.facet.${facet}`)),
      ...shown.map(({ value, flags }) => this.#buildValue(facet, value, flags, flags / most)),
      values.length > shown.length && this.#buildMore(facet, values.length - shown.length),
    );
  }

  #buildValue(facet, value, flags, share) {
    const isOn = this.store.filters[facet].includes(value);
    const toggle = () => this.store.setFilters(toggleFacet(this.store.filters, facet, value));
    const entry = buildEntry(`${facet} ${value}`, sayValue(facet, value), flags, isOn, toggle);
    entry.append(h("span", { class: "desk-bar", style: { width: `${100 * share}%` } }));
    return entry;
  }

  #buildMore(facet, count) {
    const expand = () => {
      this.expanded.add(facet);
      this.render();
    };
    return h("button", { type: "button", class: "desk-link", onclick: expand }, plural("desk.more", count));
  }

  #buildChips() {
    const { filters } = this.store;
    const chips = listChosen(filters).map(([words, change]) => this.#buildChip(words, change));
    const clear = { type: "button", class: "desk-link", onclick: () => this.clear() };
    return chips.length > 1 ? [...chips, h("button", clear, text("desk.clear"))] : chips;
  }

  #buildChip(words, change) {
    const properties = {
      type: "button",
      class: "desk-chip",
      "aria-label": text("desk.remove_filter", { filter: words }),
      onclick: () => this.store.setFilters(change),
    };
    return h("button", properties, words, h("span", { "aria-hidden": "true" }, " ✕"));
  }
}

/** What is set, in words, each with the change that takes it off. */
function listChosen(filters) {
  const { confidence_min: low, confidence_max: high } = filters;
  const chosen = Object.keys(FACETS).flatMap((facet) =>
    filters[facet].map((value) => [
      `${text(`desk.facet.${facet}`)}: ${sayValue(facet, value)}`,
      toggleFacet(filters, facet, value),
    ]),
  );
  if (low !== null || high !== null) {
    const range = `${text("desk.confidence")}: ${low ?? 0}–${high ?? 1}`;
    chosen.push([range, { confidence_min: null, confidence_max: null }]);
  }
  if (filters.group) chosen.push([text("desk.filter.group"), { group: "" }]);
  if (filters.text) chosen.push([text("desk.quoted", { words: filters.text }), { text: "" }]);
  return chosen;
}

const heading = (words) => h("h4", {}, words);

/** A line to press; `key` names it, so that the focus finds it again after it was drawn anew. */
function buildEntry(key, words, count, isOn, onclick) {
  return h(
    "button",
    { type: "button", class: "desk-entry", "data-key": key, "aria-pressed": String(isOn), onclick },
    h("span", { class: "desk-entry-name", title: words }, words),
    h("span", { class: "desk-number" }, count === undefined ? "" : formatCount(count)),
  );
}

function withChosen(values, chosen) {
  const missing = chosen.filter((each) => !values.some(({ value }) => value === each));
  return [...values, ...missing.map((value) => ({ value, flags: 0 }))];
}

function sayValue(facet, value) {
  if (value === "") return text("desk.none");
  if (NAMED.has(facet)) return name(facet, value);
  return facet === "version" ? formatVersion(value) : value;
}
