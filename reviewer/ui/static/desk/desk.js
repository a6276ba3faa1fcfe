/**
 * Owns the review desk as a whole: its layout, what each key does, and when it asks the server again. The one rule:
 * everything a key does is done in the order the keys were pressed.
 */

import { post } from "./api.js";
import { Card } from "./card.js";
import { Decisions } from "./decisions.js";
import { openHelp, openLabelPicker } from "./dialogs.js";
import { h, keycap } from "./dom.js";
import { Facets } from "./facets.js";
import { SORTS, VIEWS, isFiltered } from "./filters.js";
import { KEYS, findLabel, listenToKeys } from "./keys.js";
import { Operations } from "./operations.js";
import { Queue } from "./queue.js";
import { Status } from "./status.js";
import { Store } from "./store.js";
import { loadTexts, plural, text } from "./texts.js";

const SEARCH_PAUSE_MS = 200;
const RECOUNT_PAUSE_MS = 300;
const NEWS_EVERY_MS = 2_000;
const AGES_EVERY_MS = 60_000;

/** Put the desk into an element; the element's earlier desk, if any, stops. */
export async function mountDesk(element) {
  element.desk?.stop();
  await Promise.all([loadTexts(), loadStyles()]);
  element.desk = new Desk(element);
  await element.desk.start();
}

class Desk {
  constructor(host) {
    this.host = host;
    this.stopping = new AbortController();
    /** The end of the line of pressed keys: a key waits until the one before it is done. */
    this.pressed = Promise.resolve();
    this.isOpening = false;
    /** Counts what makes waiting keys void, since they would now meet another flag: a click, a card that fails. */
    this.breaks = 0;
    this.isDrawing = false;
    const draw = () => this.draw();
    this.operations = new Operations({
      send: post,
      onChange: draw,
      onAnswer: (operation, answer) => this.#takeAnswer(answer),
      onRefusal: (operation, error) => this.#takeRefusal(operation, error),
    });
    this.store = new Store(this.operations, draw);
    this.decisions = new Decisions(this.store, this.operations);
    this.#build();
  }

  async start() {
    this.#listen();
    this.draw();
    this.operations.run();
    await this.store.reload();
  }

  stop() {
    this.stopping.abort();
    this.host.replaceChildren();
  }

  /** Draw once after all that one event changed. */
  draw() {
    if (this.isDrawing) return;
    this.isDrawing = true;
    queueMicrotask(() => {
      this.isDrawing = false;
      for (const pane of [this.facets, this.queue, this.card, this.status]) pane.render();
      this.#drawQueueHead();
    });
  }

  redraw() {
    this.queue.redraw();
    this.card.redraw();
    this.draw();
  }

  #build() {
    const { store } = this;
    this.facets = new Facets(store);
    this.queue = new Queue(store, (id) => store.select(id));
    this.card = new Card(store, {
      perform: (action) => this.#press(action),
      correct: (label) => this.#press("correct", label),
      correctValue: (value) => this.#press("correct_value", value),
      correctOutput: (output) => this.#press("correct_output", output),
      comment: (words) => this.#press("say", words),
    });
    this.status = new Status(store, this.operations, this.decisions, {
      undo: () => this.#press("undo"),
      help: () => this.#press("help"),
    });
    this.search = this.#buildSearch();
    this.total = h("span", { class: "desk-total" });
    this.sort = this.#buildSort();
    this.empty = h("div", { class: "desk-empty", hidden: true });
    const search = h("label", { class: "desk-search" }, this.search, keycap(KEYS.search[0]));
    const middle = [
      h("div", { class: "desk-queue-head" }, search, this.total, this.sort),
      this.facets.chips,
      this.status.notices,
      this.empty,
      this.queue.element,
    ];
    const queue = h("section", { class: "desk-queue", "aria-label": text("desk.queue") }, ...middle);
    const panes = h("div", { class: "desk-panes" }, this.facets.element, queue, this.card.element);
    this.root = h("div", { class: "desk" }, panes, this.status.element);
    this.host.replaceChildren(this.root);
  }

  #buildSearch() {
    return h("input", {
      class: "desk-field",
      type: "search",
      id: "desk-search",
      placeholder: text("desk.search_hint"),
      value: this.store.filters.text,
      "aria-label": text("desk.search"),
      "aria-keyshortcuts": KEYS.search[0],
      oninput: () => this.#searchSoon(),
      onkeydown: (event) => this.#onSearchKey(event),
    });
  }

  #buildSort() {
    const choose = ({ target }) => this.store.setFilters({ sort: target.value });
    const options = SORTS.map((sort) => h("option", { value: sort }, text(`desk.sort.${sort}`)));
    return h("select", { class: "desk-field", "aria-label": text("desk.sort"), onchange: choose }, ...options);
  }

  #listen() {
    const { signal } = this.stopping;
    const isListening = () => this.isVisible && !this.root.querySelector("dialog[open]");
    this.root.addEventListener("pointerdown", () => (this.breaks += 1), { capture: true, signal });
    listenToKeys({ isListening, perform: (action, key) => this.#press(action, key), signal });
    addEventListener("beforeunload", (event) => this.operations.pending.length && event.preventDefault(), { signal });
    addEventListener("online", () => this.operations.retry(), { signal });
    document.addEventListener("visibilitychange", () => this.#lookForNews(), { signal });
    this.#watchLayout(signal);
    const news = setInterval(() => this.#lookForNews(), NEWS_EVERY_MS);
    const ages = setInterval(() => this.redraw(), AGES_EVERY_MS);
    signal.addEventListener("abort", () => [news, ages].forEach(clearInterval));
  }

  /** The desk fills what the page leaves below its tabs; that changes with the window and with the open tab. */
  #watchLayout(signal) {
    const tabs = this.host.closest("[role=tabpanel]")?.parentElement.querySelector("[role=tablist]");
    const findTop = () => tabs?.getBoundingClientRect().bottom ?? this.host.getBoundingClientRect().top;
    const measure = () => this.isVisible && this.root.style.setProperty("--desk-top", `${findTop() + scrollY}px`);
    const sizes = new ResizeObserver(measure);
    sizes.observe(document.body);
    sizes.observe(this.host.parentElement);
    const sight = new IntersectionObserver(() => {
      measure();
      this.#lookForNews();
    });
    sight.observe(this.root);
    addEventListener("resize", measure, { signal });
    signal.addEventListener("abort", () => [sizes, sight].forEach((observer) => observer.disconnect()));
    measure();
  }

  /** Whether the desk's tab is the open one; a hidden tab leaves the element without a place in the page. */
  get isVisible() {
    return this.host.offsetParent !== null;
  }

  async #lookForNews() {
    if (!this.host.isConnected) return this.stop();
    if (!this.isVisible || document.hidden || this.isAsking) return;
    this.isAsking = true;
    const isNew = await this.store.refreshFacets();
    if (this.store.trouble) await this.store.reload();
    else if (isNew) await this.store.refreshHead();
    this.isAsking = false;
  }

  #takeAnswer(answer) {
    for (const card of answer.flags ?? [answer]) this.store.learnCard(card);
    clearTimeout(this.recounting);
    this.recounting = setTimeout(() => this.store.refreshFacets(), RECOUNT_PAUSE_MS);
  }

  #takeRefusal(operation, error) {
    this.decisions.forget(operation.action_id);
    if (error.body.flag) this.store.learnCard(error.body.flag);
    else this.store.refetchCard(operation.flag_id);
    if (this.store.row(operation.flag_id)) this.store.place(operation.flag_id);
    this.status.addNotice(operation, error, () => this.store.select(operation.flag_id));
  }

  /** What is typed for a field that is about to open is not for the desk. */
  #press(action, detail) {
    if (this.isOpening) return;
    this.isOpening = OPENING.has(action);
    const { breaks } = this;
    this.pressed = this.pressed
      .then(() => breaks === this.breaks && this.#perform(action, detail))
      .catch(reportError)
      .finally(() => {
        if (OPENING.has(action)) this.isOpening = false;
      });
  }

  async #perform(action, detail) {
    if (!FREE.has(action)) await this.#awaitFlag(action);
    const id = this.store.selectedId;
    const wasInCard = this.card.element.contains(document.activeElement);
    ACTIONS[action](this, id, detail);
    if (wasInCard && id !== this.store.selectedId) this.queue.focus();
  }

  /** A label key means a label of the card in sight, so it waits for a card that is still on its way. */
  async #awaitFlag(action) {
    if (!this.store.selectedId && this.store.loading) await this.store.loading;
    const id = this.store.selectedId;
    if (!NEEDS_CARD.has(action) || !id || this.store.cards.has(id)) return;
    await this.store.fetchCard(id);
    if (!this.store.cards.has(id)) this.breaks += 1;
  }

  #searchSoon() {
    clearTimeout(this.searching);
    this.searching = setTimeout(() => this.store.setFilters({ text: this.search.value.trim() }), SEARCH_PAUSE_MS);
  }

  #onSearchKey(event) {
    if (event.key !== "Escape" && event.key !== "Enter") return;
    event.preventDefault(); // Escape would empty the field
    this.queue.focus();
  }

  #drawQueueHead() {
    const { store } = this;
    this.total.textContent = store.isLoaded ? plural("desk.flags", store.total) : "";
    this.sort.value = store.filters.sort;
    if (document.activeElement !== this.search) this.search.value = store.filters.text;
    const isEmpty = store.ids.length === 0;
    this.queue.element.hidden = isEmpty;
    this.empty.hidden = !isEmpty;
    if (isEmpty) this.empty.replaceChildren(...this.#explainEmpty());
  }

  #explainEmpty() {
    const { store } = this;
    const say = (words) => h("p", {}, words);
    const offer = (words, onclick) => h("button", { type: "button", class: "desk-button", onclick }, words);
    if (store.trouble) return [say(store.trouble.message), offer(text("desk.retry"), () => store.reload())];
    if (!store.isLoaded || store.loading) return [say(text("desk.loading"))];
    if (isFiltered(store.filters)) {
      return [say(text("desk.empty.filtered")), offer(text("desk.clear"), () => this.facets.clear())];
    }
    return [say(text(store.counts.all === 0 ? "desk.empty.workspace" : `desk.empty.${store.filters.view}`))];
  }
}

/** Actions that are about no flag, so they wait for none. */
const FREE = new Set(["search", "help", "undo", "previous_view", "next_view"]);

const NEEDS_CARD = new Set(["label", "labels", "value"]);

/** Actions after which the next keys go to a field. */
const OPENING = new Set(["search", "help", "labels", "comment", "value"]);

const resolve = (resolution) => (desk, id) => decide(desk, id, { resolution });
const setStatus = (status) => (desk, id) => decide(desk, id, { status });

/** Action → what it does with the desk and the selected flag. */
const ACTIONS = {
  next: ({ store }) => store.move(1),
  previous: ({ store }) => store.move(-1),
  skip: ({ store }) => store.move(1),
  label: (desk, id, key) => correct(desk, id, findLabel(desk.store.cards.get(id)?.labels ?? [], key)),
  correct: (desk, id, label) => correct(desk, id, label),
  labels: (desk, id) => pickLabel(desk, id),
  value: ({ card }) => card.answerField && enter(card.answerField),
  correct_value: (desk, id, value) => decide(desk, id, { corrected_value: value }),
  correct_output: (desk, id, output) => correctOutput(desk, id, output),
  prediction_correct: resolve("prediction_correct"),
  ambiguous: resolve("ambiguous"),
  bad_input: resolve("bad_input"),
  out_of_scope: resolve("out_of_scope"),
  duplicate: resolve("duplicate"),
  not_reproducible: resolve("not_reproducible"),
  app_bug: resolve("app_bug"),
  wont_fix: resolve("wont_fix"),
  needs_info: setStatus("needs_info"),
  in_review: setStatus("in_review"),
  reopen: setStatus("open"),
  comment: ({ card }) => enter(card.comment.field),
  say: ({ decisions }, id, words) => decisions.comment(id, words),
  undo: ({ decisions }) => decisions.undo(),
  search: ({ search }) => enter(search),
  previous_view: ({ store }) => turnView(store, -1),
  next_view: ({ store }) => turnView(store, 1),
  help: ({ root }) => openHelp(root),
};

function enter(field) {
  field.focus();
  field.select();
}

function decide(desk, id, decision) {
  if (id && desk.store.row(id)) desk.decisions.decide(id, decision, desk.card.takeDraft(id));
}

function correct(desk, id, label) {
  if (label === undefined) return;
  const isPredicted = label === desk.store.row(id)?.predicted_label;
  decide(desk, id, isPredicted ? { resolution: "prediction_correct" } : { corrected_label: label });
}

function correctOutput(desk, id, output) {
  const isPredicted = JSON.stringify(output) === JSON.stringify(desk.store.cards.get(id)?.output);
  decide(desk, id, isPredicted ? { resolution: "prediction_correct" } : { corrected_output: output });
}

function pickLabel(desk, id) {
  const labels = desk.store.cards.get(id)?.labels ?? [];
  if (labels.length) openLabelPicker(desk.root, labels, (label) => correct(desk, id, label));
}

function turnView(store, step) {
  const views = Object.keys(VIEWS);
  store.setFilters({ view: views[(views.indexOf(store.filters.view) + step + views.length) % views.length] });
}

/** Load the style sheet before anything is drawn, so that nothing jumps. */
function loadStyles() {
  const href = new URL("desk.css", import.meta.url).href;
  if (document.querySelector(`link[href="${CSS.escape(href)}"]`)) return Promise.resolve();
  return new Promise((resolve) => {
    document.head.append(h("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve }));
  });
}
