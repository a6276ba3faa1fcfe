/**
 * Owns the list of flags in the middle. The one rule: only the rows in sight are in the page, however long the
 * queue is, and what comes or goes above them does not move them.
 */

import { h } from "./dom.js";
import { formatAge, formatCount, formatMoment, formatShare } from "./format.js";
import { sayComment, sayFlagger } from "./origin.js";
import { assigneePill, predictionPill, progressPill, resolutionPill, verificationPill } from "./pills.js";
import { sayPriority } from "./priority.js";
import { name, plural, text } from "./texts.js";

const OVERSCAN = 6;
const ROWS_AHEAD = 40;
const JUMP_PAUSE_MS = 80;

/** The tallest sheet in pixels: browsers draw nothing beyond 17 or 33 million. A longer queue is scrolled in a scale. */
const TALLEST = 12_000_000;

export class Queue {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./selection.js").Selection} selection
   * @param {{ select: (id: string) => void, getRowHeight: () => number }} hooks
   */
  constructor(store, selection, hooks) {
    Object.assign(this, { store, selection, hooks });
    /** @type {Map<string, {row: Object, sort: string, element: HTMLElement}>} */
    this.drawn = new Map();
    /** How many pixels of the whole queue lie above what is in sight. */
    this.top = 0;
    this.scrolled = 0;
    /** @type {{id: string, place: number}[]} what was in sight when it was last drawn */
    this.anchors = [];
    this.epoch = 0;
    /** The choice of the store that was brought into sight. */
    this.revealed = -1;
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
    /** Pixels of the queue in sight; asking the element at every key would lay the page out. */
    this.height = 0;
    new ResizeObserver(() => this.#measure()).observe(this.element);
  }

  #measure() {
    this.height = this.element.clientHeight;
    this.render();
  }

  /** How many rows are in sight at once. */
  get pageSize() {
    return Math.max(1, Math.floor(this.height / this.rowHeight) - 1);
  }

  get rowHeight() {
    return this.hooks.getRowHeight();
  }

  render() {
    if (this.epoch !== this.store.epoch) this.#startAnew();
    this.#stretch();
    this.#keepPlace();
    if (this.store.choices !== this.revealed) this.#reveal();
    this.#drawRows();
    const isDrawn = this.drawn.has(this.store.selectedId);
    if (isDrawn) this.element.setAttribute("aria-activedescendant", rowId(this.store.selectedId));
    else this.element.removeAttribute("aria-activedescendant");
  }

  /** Draw every row anew, since ages or the height of rows have changed. */
  redraw() {
    this.drawn.clear();
    this.sheet.replaceChildren();
    this.render();
  }

  /** Bring the selected flag into sight with the next drawing, wherever the list was scrolled to. */
  revealAgain() {
    this.anchors = [];
    this.revealed = -1;
  }

  /** Scroll up to where new flags come in. */
  goToTop() {
    this.epoch = this.store.epoch;
    this.revealed = this.store.choices;
    this.anchors = [];
    this.#setTop(0);
    this.render();
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  #startAnew() {
    this.epoch = this.store.epoch;
    this.anchors = [];
    this.#setTop(0);
  }

  get #fullHeight() {
    return this.store.total * this.rowHeight;
  }

  /** The greatest `top`, and the greatest `scrollTop`; they differ when the queue is scrolled in a scale. */
  get #ends() {
    const sheet = Math.min(this.#fullHeight, TALLEST);
    return { top: Math.max(0, this.#fullHeight - this.height), scroll: Math.max(0, sheet - this.height) };
  }

  #stretch() {
    const height = `${Math.min(this.#fullHeight, TALLEST)}px`;
    if (this.sheet.style.height !== height) this.sheet.style.height = height;
  }

  #setTop(top) {
    const ends = this.#ends;
    this.top = Math.max(0, Math.min(top, ends.top));
    this.element.scrollTop = ends.top === ends.scroll ? this.top : (this.top / ends.top) * ends.scroll;
    this.scrolled = this.element.scrollTop;
  }

  #onScroll() {
    const { scrollTop } = this.element;
    const moved = scrollTop - this.scrolled;
    this.scrolled = scrollTop;
    if (moved) this.#follow(scrollTop, moved);
    this.#drawRows();
  }

  /** In a scale, a wheel still moves by pixels; the scroll bar moves by its share of the queue. */
  #follow(scrollTop, moved) {
    const ends = this.#ends;
    const isAtEnd = scrollTop <= 0 || scrollTop >= ends.scroll - 1;
    const isWheel = Math.abs(moved) < 2 * this.height && !isAtEnd;
    if (ends.top === ends.scroll) this.top = scrollTop;
    else if (isWheel) this.top = Math.max(0, Math.min(this.top + moved, ends.top));
    else this.top = (Math.min(scrollTop, ends.scroll) / ends.scroll) * ends.top;
  }

  #onClick(event) {
    const id = event.target.closest("[data-flag]")?.dataset.flag;
    if (!id) return;
    const isForSelection = event.target.closest(".desk-check") || event.ctrlKey || event.metaKey;
    if (event.shiftKey) this.selection.reachTo(id);
    else if (isForSelection) this.selection.toggle(id);
    else this.hooks.select(id);
  }

  /** Scroll by as many rows as came in or went above what was in sight; at the very top one wants to see them. */
  #keepPlace() {
    if (this.top === 0) return;
    for (const { id, place } of this.anchors) {
      const now = this.store.listing.find(id);
      if (now < 0) continue;
      if (now !== place) this.#setTop(this.top + (now - place) * this.rowHeight);
      return;
    }
  }

  #reveal() {
    const place = this.store.position;
    if (place < 0 || !this.height) return;
    this.revealed = this.store.choices;
    const [top, bottom] = [place * this.rowHeight, (place + 1) * this.rowHeight];
    const isFar = Math.abs(top - this.top) > 2 * this.height;
    if (isFar) this.#setTop(top - this.height / 2);
    else if (top < this.top) this.#setTop(top);
    else if (bottom > this.top + this.height) this.#setTop(bottom - this.height + this.rowHeight);
  }

  #drawRows() {
    const { listing, total } = this.store;
    const first = Math.floor(this.top / this.rowHeight);
    const last = Math.min(Math.ceil((this.top + this.height) / this.rowHeight), total) - 1;
    this.store.sight = { first, last };
    const wanted = new Map();
    for (let place = Math.max(0, first - OVERSCAN); place <= Math.min(last + OVERSCAN, total - 1); place += 1) {
      wanted.set(listing.at(place) ?? `place ${place}`, place);
    }
    this.anchors = [...wanted].map(([id, place]) => ({ id, place })).filter(({ place }) => place >= first);
    this.#dropRows(wanted);
    let previous = null;
    for (const [id, place] of wanted) previous = this.#drawRow(id, place, previous);
    this.#askForRows(first, last);
  }

  #dropRows(wanted) {
    for (const [id, { element }] of this.drawn) {
      if (wanted.has(id)) continue;
      element.remove();
      this.drawn.delete(id);
    }
  }

  #drawRow(id, place, previous) {
    const element = this.#findElement(id);
    const isInOrder = element.parentNode === this.sheet && element.previousSibling === previous;
    if (!isInOrder) this.sheet.insertBefore(element, previous ? previous.nextSibling : this.sheet.firstChild);
    element.style.transform = `translateY(${place * this.rowHeight - this.top + this.scrolled}px)`;
    const row = this.drawn.get(id).row;
    if (row) this.#mark(element, row, place);
    return element;
  }

  #findElement(id) {
    const row = this.store.row(id);
    const { sort } = this.store.filters;
    const old = this.drawn.get(id);
    if (old && old.row === row && old.sort === sort) return old.element;
    old?.element.remove();
    const element = row ? buildRow(row, this.store.models.get(row.model), sort) : h("div", { class: "desk-row" }, "…");
    this.drawn.set(id, { row, sort, element });
    return element;
  }

  /** Written only where it differs: a row keeps what it was given. */
  #mark(element, row, place) {
    const marks = {
      "aria-posinset": place + 1,
      "aria-setsize": this.store.total,
      "aria-selected": row.flag_id === this.store.selectedId,
      "aria-checked": this.selection.has(row),
      "data-present": (this.store.present[row.flag_id] ?? []).join(", "),
    };
    for (const [name, value] of Object.entries(marks)) {
      if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
    }
  }

  #askForRows(first, last) {
    const { listing, loading, total } = this.store;
    if (loading || total === 0 || last < first) return; // nothing is in sight while another tab is open
    const isOutside = last < listing.start || first >= listing.end;
    clearTimeout(this.jumping);
    if (isOutside) this.jumping = setTimeout(() => this.store.jump(first), JUMP_PAUSE_MS);
    else if (last + ROWS_AHEAD > listing.end) this.store.loadBelow();
    else if (first - ROWS_AHEAD < listing.start) this.store.loadAbove();
  }
}

const rowId = (id) => `desk-row-${id}`;

function buildRow(row, model, sort) {
  return h(
    "div",
    { class: "desk-row", role: "option", id: rowId(row.flag_id), "data-flag": row.flag_id },
    h("span", { class: "desk-check", "aria-hidden": "true", title: text("desk.action.select") }),
    row.thumbnail && h("img", { class: "desk-thumbnail", src: row.thumbnail, alt: "", loading: "lazy", onerror: hide }),
    h("div", { class: "desk-row-said" }, buildPreview(row), buildRemark(row)),
    h("div", { class: "desk-row-pills" }, ...buildPills(row, model)),
    buildMeasure(row, sort),
    h("span", { class: "desk-number", title: formatMoment(row.flagged_at) }, formatAge(row.flagged_at)),
  );
}

/** A picture whose file is gone leaves its row readable; the card says so. */
const hide = ({ target }) => target.remove();

/** An image says nothing in words: the row says what was marked instead. */
const buildPreview = (row) => h("div", { class: "desk-row-preview" }, row.preview || name("option", row.option));

const buildPills = (row, model) => [
  predictionPill(row, model),
  progressPill(row),
  assigneePill(row),
  resolutionPill(row, model),
  verificationPill(row),
];

/** What the order goes by: the priority, or the confidence. */
function buildMeasure(row, sort) {
  if (sort !== "priority") return h("span", { class: "desk-number", title: text("desk.confidence") }, formatShare(row.confidence));
  return h("span", { class: "desk-number", title: sayPriority(row) }, formatCount(Math.round(row.priority)));
}

function buildRemark(row) {
  const said = sayComment(row) || saySuggestion(row);
  const comments = row.comments ? plural("desk.comments", row.comments) : "";
  const similar = row.group_size > 1 ? plural("desk.similar", row.group_size - 1) : "";
  const parts = [sayFlagger(row), said, similar, comments];
  return h("small", {}, parts.filter(Boolean).join(" · "));
}

function saySuggestion(row) {
  if (row.suggested_label) return text("desk.suggests", { label: row.suggested_label });
  return row.preview ? name("option", row.option) : "";
}
