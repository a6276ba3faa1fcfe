/**
 * Owns how the desk shares its room: the widths of the outer panes and the density of the rows. The one rule: what
 * one chose is there again on the next visit, and never leaves a pane without room.
 */

import { h } from "./dom.js";
import { text } from "./texts.js";

const CHOSEN = "reviewer.layout";
const STEP = 16;

/** Row heights in pixels; the style sheet has the same. */
export const ROW_HEIGHTS = { comfortable: 50, compact: 30 };

/** Outer pane → its narrowest and widest in pixels, the share of the desk that it may take, the side it stands on. */
const SIZES = {
  left: { least: 150, most: 420, share: 0.3, usual: null, side: 1 },
  right: { least: 320, most: 1_400, share: 0.6, usual: null, side: -1 },
};

export class Panes {
  /**
   * @param {{ left: HTMLElement, middle: HTMLElement, right: HTMLElement }} panes
   * @param {() => void} onChange called when the density changed
   */
  constructor({ left, middle, right }, onChange) {
    this.panes = { left, right };
    this.onChange = onChange;
    this.chosen = { density: "comfortable", ...readChosen() };
    const children = [left, this.#buildSeparator("left"), middle, this.#buildSeparator("right"), right];
    this.element = h("div", { class: "desk-panes" }, ...children);
    Object.keys(SIZES).forEach((name) => this.#apply(name));
    this.#applyDensity();
    const tell = new ResizeObserver(() => Object.keys(SIZES).forEach((name) => this.#tell(name)));
    Object.values(this.panes).forEach((pane) => tell.observe(pane));
  }

  get rowHeight() {
    return ROW_HEIGHTS[this.chosen.density];
  }

  /** Switch between comfortable and compact rows. */
  toggleDensity() {
    this.chosen.density = this.chosen.density === "compact" ? "comfortable" : "compact";
    this.#applyDensity();
    this.#keep();
    this.onChange();
  }

  #applyDensity() {
    this.element.classList.toggle("desk-compact", this.chosen.density === "compact");
  }

  #buildSeparator(name) {
    return h("div", {
      class: "desk-separator",
      role: "separator",
      tabindex: "0",
      id: `desk-separator-${name}`,
      "aria-orientation": "vertical",
      "aria-label": text(`desk.separator.${name}`),
      "aria-valuemin": SIZES[name].least,
      "aria-valuemax": SIZES[name].most,
      title: text("desk.separator.hint"),
      onpointerdown: (event) => this.#drag(name, event),
      onkeydown: (event) => this.#onKey(name, event),
      ondblclick: () => this.#resize(name, SIZES[name].usual),
    });
  }

  #drag(name, event) {
    if (event.button !== 0) return;
    event.preventDefault(); // it would mark text
    const { target, pointerId, clientX } = event;
    const width = this.panes[name].offsetWidth;
    const onMove = (move) => this.#resize(name, width + SIZES[name].side * (move.clientX - clientX));
    target.focus();
    target.setPointerCapture(pointerId);
    target.addEventListener("pointermove", onMove);
    target.addEventListener("lostpointercapture", () => target.removeEventListener("pointermove", onMove), { once: true });
  }

  #onKey(name, event) {
    const { least, most, usual, side } = SIZES[name];
    const width = this.panes[name].offsetWidth;
    const widths = {
      ArrowLeft: width - side * STEP,
      ArrowRight: width + side * STEP,
      Home: least,
      End: most,
      Enter: usual,
    };
    if (!(event.key in widths)) return;
    event.preventDefault();
    this.#resize(name, widths[event.key]);
  }

  #resize(name, wanted) {
    const { least, most, share } = SIZES[name];
    const widest = Math.min(most, share * this.element.clientWidth);
    this.chosen[name] = wanted === null ? null : Math.round(Math.max(least, Math.min(wanted, widest)));
    this.#apply(name);
    this.#keep();
  }

  #apply(name) {
    const width = this.chosen[name];
    if (width) this.element.style.setProperty(`--desk-${name}`, `${width}px`);
    else this.element.style.removeProperty(`--desk-${name}`);
  }

  #tell(name) {
    const separator = this.element.querySelector(`#desk-separator-${name}`);
    separator.setAttribute("aria-valuenow", this.panes[name].offsetWidth);
  }

  #keep() {
    try {
      localStorage.setItem(CHOSEN, JSON.stringify(this.chosen));
    } catch {
      // Without a store the choice holds until the page is left.
    }
  }
}

/** What was chosen on an earlier visit; what makes no sense there counts as not chosen. */
function readChosen() {
  try {
    const { left, right, density } = JSON.parse(localStorage.getItem(CHOSEN)) ?? {};
    const widths = Object.entries({ left, right }).filter(([, width]) => Number.isFinite(width));
    return { ...Object.fromEntries(widths), ...(density in ROW_HEIGHTS && { density }) };
  } catch {
    return {};
  }
}
