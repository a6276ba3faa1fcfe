/**
 * Owns the list of flags in the middle. The one rule: only the rows in sight are in the page, however long the
 * queue is, and news above them does not move them.
 */

import { h } from "./dom.js";
import { formatAge, formatMoment, formatShare } from "./format.js";
import { sayComment, sayFlagger } from "./origin.js";
import { predictionPill, progressPill, resolutionPill, verificationPill } from "./pills.js";
import { name, plural, text } from "./texts.js";

const ROW_HEIGHT = 50;
const OVERSCAN = 6;

export class Queue {
  /**
   * @param {import("./store.js").Store} store
   * @param {(id: string) => void} onSelect
   */
  constructor(store, onSelect) {
    this.store = store;
    this.onSelect = onSelect;
    /** @type {Map<string, {row: Object, element: HTMLElement}>} */
    this.drawn = new Map();
    this.anchorId = null;
    this.revealedId = null;
    this.sheet = h("div", { role: "presentation", class: "desk-sheet" });
    this.element = h(
      "div",
      {
        class: "desk-list",
        role: "listbox",
        tabindex: "0",
        "aria-label": text("desk.queue"),
        onscroll: () => this.#onScroll(),
        onclick: (event) => this.#onClick(event),
      },
      this.sheet,
    );
    new ResizeObserver(() => this.#drawRows()).observe(this.element);
  }

  render() {
    this.#keepPlace();
    this.sheet.style.height = `${this.store.ids.length * ROW_HEIGHT}px`;
    if (this.store.selectedId !== this.revealedId) this.#reveal();
    this.#drawRows();
    const isDrawn = this.drawn.has(this.store.selectedId);
    if (isDrawn) this.element.setAttribute("aria-activedescendant", rowId(this.store.selectedId));
    else this.element.removeAttribute("aria-activedescendant");
  }

  /** Draw every row anew, since ages have changed. */
  redraw() {
    this.drawn.clear();
    this.sheet.replaceChildren();
    this.render();
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  #onScroll() {
    this.anchorId = this.store.ids[this.#firstInSight()];
    this.#drawRows();
    const below = this.sheet.clientHeight - this.element.scrollTop - this.element.clientHeight;
    if (below < 40 * ROW_HEIGHT) this.store.loadMore();
  }

  #onClick(event) {
    const id = event.target.closest("[data-flag]")?.dataset.flag;
    if (id) this.onSelect(id);
  }

  #firstInSight() {
    return Math.floor(this.element.scrollTop / ROW_HEIGHT);
  }

  /** Scroll by as much as rows came in or went above the first row in sight. */
  #keepPlace() {
    if (!this.anchorId || this.element.scrollTop === 0) return;
    const at = this.store.ids.indexOf(this.anchorId);
    const moved = at < 0 ? 0 : at - this.#firstInSight();
    this.sheet.style.height = `${this.store.ids.length * ROW_HEIGHT}px`;
    if (moved) this.element.scrollTop += moved * ROW_HEIGHT;
  }

  #reveal() {
    this.revealedId = this.store.selectedId;
    const at = this.store.position;
    if (at < 0) return;
    const [top, bottom] = [at * ROW_HEIGHT, (at + 1) * ROW_HEIGHT];
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    if (bottom > scrollTop + clientHeight) this.element.scrollTop = bottom - clientHeight + ROW_HEIGHT;
    this.anchorId = this.store.ids[this.#firstInSight()];
  }

  #drawRows() {
    const first = Math.max(0, this.#firstInSight() - OVERSCAN);
    const last = first + Math.ceil(this.element.clientHeight / ROW_HEIGHT) + 2 * OVERSCAN;
    const wanted = new Map(this.store.ids.slice(first, last).map((id, at) => [id, first + at]));
    for (const [id, { element }] of this.drawn) {
      if (wanted.has(id)) continue;
      element.remove();
      this.drawn.delete(id);
    }
    let previous = null;
    for (const [id, at] of wanted) previous = this.#drawRow(id, at, previous);
  }

  #drawRow(id, at, previous) {
    const row = this.store.row(id);
    const old = this.drawn.get(id);
    const element = old?.row === row ? old.element : buildRow(row, this.store.models.get(row.model));
    if (element !== old?.element) {
      old?.element.remove();
      this.drawn.set(id, { row, element });
    }
    const isInOrder = element.parentNode === this.sheet && element.previousSibling === previous;
    if (!isInOrder) this.sheet.insertBefore(element, previous ? previous.nextSibling : this.sheet.firstChild);
    element.style.transform = `translateY(${at * ROW_HEIGHT}px)`;
    element.setAttribute("aria-posinset", at + 1);
    element.setAttribute("aria-setsize", this.store.total);
    element.setAttribute("aria-selected", id === this.store.selectedId);
    return element;
  }
}

const rowId = (id) => `desk-row-${id}`;

function buildRow(row, model) {
  return h(
    "div",
    { class: "desk-row", role: "option", id: rowId(row.flag_id), "data-flag": row.flag_id },
    row.thumbnail && h("img", { class: "desk-thumbnail", src: row.thumbnail, alt: "", loading: "lazy" }),
    h("div", { class: "desk-row-said" }, buildPreview(row), buildRemark(row)),
    h("div", { class: "desk-row-pills" }, ...buildPills(row, model)),
    h("span", { class: "desk-number", title: text("desk.confidence") }, formatShare(row.confidence)),
    h("span", { class: "desk-number", title: formatMoment(row.flagged_at) }, formatAge(row.flagged_at)),
  );
}

/** An image says nothing in words: the row says what was marked instead. */
const buildPreview = (row) => h("div", { class: "desk-row-preview" }, row.preview || name("option", row.option));

const buildPills = (row, model) => [
  predictionPill(row, model),
  progressPill(row),
  resolutionPill(row, model),
  verificationPill(row),
];

function buildRemark(row) {
  const said = sayComment(row) || saySuggestion(row);
  const comments = row.comments ? plural("desk.comments", row.comments) : "";
  const parts = [sayFlagger(row), said, comments];
  return h("small", {}, parts.filter(Boolean).join(" · "));
}

function saySuggestion(row) {
  if (row.suggested_label) return text("desk.suggests", { label: row.suggested_label });
  return row.preview ? name("option", row.option) : "";
}
