/**
 * Owns the bell at the corner of the page: how much is new, and the list of it. The one rule: nothing is asked while
 * the page is hidden, nor while the desk, which hears the number with its news, asks for both.
 */

import { get, post } from "../desk/api.js";
import { h } from "../desk/dom.js";
import { formatAgo, formatCount, formatMoment, formatValue, formatVersion } from "../desk/format.js";
import { loadTexts, name, plural, text } from "../desk/texts.js";

const EVERY_MS = 1_500;
/** The server counts no further. */
const MOST = 100;

const ICON =
  '<svg viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.8"' +
  ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">' +
  '<path d="M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15z"/><path d="M10 20.5a2.2 2.2 0 0 0 4 0"/></svg>';

/** Kind → the view of the queue in which its flag stands. */
const VIEWS = { assigned: "mine", mention: "mentions", second_review: "second_review", disagreement: "disagreements" };

class Bell {
  constructor() {
    this.unread = 0;
    this.heardAt = -Infinity;
    this.count = h("span", { class: "bell-count", hidden: true });
    this.button = h("button", {
      type: "button", id: "bell", "aria-expanded": "false", "aria-controls": "bell-panel", onclick: () => this.#toggle(),
    });
    this.button.innerHTML = ICON;
    this.button.append(this.count);
    this.said = h("p", { class: "bell-said", role: "status" });
    this.list = h("ul", {});
    this.message = h("p", { class: "bell-message", role: "alert" });
    this.choices = h("div", { class: "bell-choices" });
    const choosing = h("details", {}, h("summary", {}, text("bell.choose")), this.choices);
    const title = h("h2", { id: "bell-title" }, text("bell.title"));
    const panel = { id: "bell-panel", role: "dialog", "aria-labelledby": "bell-title", tabindex: "-1", hidden: true };
    this.panel = h("section", panel, title, this.message, this.list, choosing);
    document.body.append(this.button, this.panel, this.said);
    this.#draw();
  }

  start() {
    document.addEventListener("reviewer:unread", ({ detail }) => this.#hear(detail));
    document.addEventListener("visibilitychange", () => this.#look());
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#isOpen && this.#close());
    document.addEventListener("pointerdown", ({ target }) => this.#isOutside(target) && this.#hide());
    // Keys pressed here are not for the tab behind.
    this.button.addEventListener("keydown", (event) => ["Enter", " "].includes(event.key) && event.stopPropagation());
    this.panel.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") this.#close();
    });
    this.looking = setInterval(() => this.#look(), EVERY_MS);
    this.#look();
  }

  get #isOpen() {
    return !this.panel.hidden;
  }

  #isOutside(target) {
    return this.#isOpen && !this.panel.contains(target) && !this.button.contains(target);
  }

  async #look() {
    if (document.hidden || this.isAsking || performance.now() - this.heardAt < EVERY_MS) return;
    this.isAsking = true;
    const answer = await get("notifications/count").catch((error) => error);
    this.isAsking = false;
    // Whoever is signed out is told so elsewhere, and a page that asks on would only be refused again.
    if (answer.status === 401) clearInterval(this.looking);
    if ("unread" in answer) this.#take(answer.unread);
  }

  /** The desk has asked. */
  #hear(unread) {
    this.heardAt = performance.now();
    this.#take(unread);
  }

  #take(unread) {
    const isMore = unread > this.unread;
    if (unread === this.unread) return;
    this.unread = unread;
    this.#draw();
    if (isMore) this.said.textContent = plural("bell.new", unread);
    if (isMore && this.#isOpen) this.#load();
  }

  #draw() {
    const shown = this.unread < MOST ? formatCount(this.unread) : `${MOST - 1}+`;
    this.count.hidden = this.unread === 0;
    this.count.textContent = shown;
    const label = this.unread ? `${text("bell.title")}, ${plural("bell.new", this.unread)}` : text("bell.title");
    this.button.setAttribute("aria-label", label);
    this.button.title = label;
    // The tabs keep clear of it; Gradio folds those that do not fit when the window changes.
    document.documentElement.style.setProperty("--bell-width", `${this.button.offsetWidth}px`);
    window.dispatchEvent(new Event("resize"));
  }

  #toggle() {
    if (this.#isOpen) this.#close();
    else this.#open();
  }

  async #open() {
    this.panel.hidden = false;
    this.button.setAttribute("aria-expanded", "true");
    await this.#load();
    (this.list.querySelector("a") ?? this.panel).focus();
  }

  #close() {
    this.#hide();
    this.button.focus();
  }

  #hide() {
    this.panel.hidden = true;
    this.button.setAttribute("aria-expanded", "false");
  }

  async #load() {
    await this.#attempt(async () => {
      const told = await get("notifications");
      this.#show(told);
      this.#take((await post("notifications/read", { token: told.token })).unread);
    });
  }

  /** Do something that may fail, and say so in the panel. */
  async #attempt(work) {
    this.message.textContent = "";
    await work().catch((error) => (this.message.textContent = error.message));
  }

  #show({ notifications, kinds, off }) {
    const lines = notifications.map(buildLine);
    this.list.replaceChildren(...(lines.length ? lines : [h("li", { class: "bell-none" }, text("bell.none"))]));
    this.choices.replaceChildren(...kinds.map((kind) => this.#buildChoice(kind, !off.includes(kind))));
  }

  #buildChoice(kind, isOn) {
    const onchange = () => this.#attempt(() => this.#choose());
    const box = h("input", { type: "checkbox", value: kind, checked: isOn, onchange });
    return h("label", {}, box, text(`bell.kind.${kind}`));
  }

  async #choose() {
    const off = [...this.choices.querySelectorAll("input:not(:checked)")].map(({ value }) => value);
    this.#take((await post("notifications/off", { off })).unread);
    await this.#load();
  }
}

function buildLine(told) {
  const address = findAddress(told);
  const when = h("time", { datetime: told.happened_at, title: formatMoment(told.happened_at) }, formatAgo(told.happened_at));
  const about = told.preview && h("span", { class: "bell-about" }, told.preview);
  const isNew = told.is_new && h("span", { class: "bell-dot", "aria-label": text("bell.is_new"), role: "img" });
  const parts = [h("span", { class: "bell-what" }, isNew, say(told)), about, when];
  return h("li", { class: told.is_new && "bell-fresh" }, address ? h("a", { href: address }, ...parts) : h("p", {}, ...parts));
}

/** A notification in words. */
function say(told) {
  if (told.kind === "queue_above") return plural("bell.queue_above", told.size);
  if (told.kind === "webhook_failing") return text("bell.webhook_failing", { name: told.webhook });
  const values = { who: told.person };
  if (told.kind === "resolved") values.what = sayDecision(told);
  if (told.kind === "fixed") values.version = formatVersion(told.version);
  const key = told.person ? `bell.${told.kind}.by` : `bell.${told.kind}`;
  return told.flags === 1 ? text(key, values) : plural(`${key}_count`, told.flags, values);
}

function sayDecision({ resolution, corrected_label: label, corrected_value: value }) {
  if (label !== null) return text("bell.corrected", { to: label });
  if (value !== null) return text("bell.corrected", { to: formatValue(value) });
  return name("resolution", resolution);
}

/** Where a notification leads: whoever may not review sees on the account page what became of a flag. */
function findAddress({ kind, flag_id: flag }) {
  if (kind === "webhook_failing") return null;
  if (kind === "queue_above") return new URL("?tab=review", document.baseURI);
  if (!mayReview) return new URL(`account#flag-${flag}`, document.baseURI);
  return new URL(`?tab=review&view=${VIEWS[kind] ?? "all"}&flag=${flag}`, document.baseURI);
}

let mayReview = false;

async function start() {
  const [{ role }] = await Promise.all([get("account"), loadTexts()]);
  mayReview = role !== "tester";
  new Bell().start();
}

start();
