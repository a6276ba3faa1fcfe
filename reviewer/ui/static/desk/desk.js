/**
 * Owns the review desk as a whole: its layout, the order in which keys are done, and when it asks the server again.
 * The one rule: everything a key does is done in the order the keys were pressed.
 */

import { ACTIONS, FREE, NEEDS_CARD, SAVING, isOpening } from "./actions.js";
import { ApiError, get, post } from "./api.js";
import { BulkBar, cancelJob, sendOperation, sendReviews } from "./bulk.js";
import { Card } from "./card.js";
import { Decisions } from "./decisions.js";
import { h, keycap } from "./dom.js";
import { Facets } from "./facets.js";
import { SORTS, clearAddress, isFiltered, writeAddress } from "./filters.js";
import { KEYS, listShortcuts, listenToKeys, setKeys } from "./keys.js";
import { Notices } from "./notices.js";
import { Operations, newId } from "./operations.js";
import { Panes } from "./panes.js";
import { Queue } from "./queue.js";
import { SavedViews } from "./saved_views.js";
import { Selection } from "./selection.js";
import { Status } from "./status.js";
import { Store } from "./store.js";
import { loadTexts, plural, text } from "./texts.js";
import { askUndo } from "./undoing.js";

const SEARCH_PAUSE_MS = 200;
const RECOUNT_PAUSE_MS = 300;
const ADDRESS_PAUSE_MS = 300;
const COUNTS_PAUSE_MS = 100;
const NEWS_EVERY_MS = 1_000;
const AGES_EVERY_MS = 60_000;
const MINUTE_MS = 60_000;

/** Put the desk into an element; the element's earlier desk, if any, stops. */
export async function mountDesk(element) {
  element.desk?.stop();
  await Promise.all([loadTexts(), loadStyles()]);
  const about = await awaitDesk(element);
  if (!about) return;
  setKeys(about.keys);
  element.desk = new Desk(element, about);
  await element.desk.start();
}

class Desk {
  /**
   * @param {HTMLElement} host
   * @param {Object} about what the server says of who looks, see `#takeAbout`
   */
  constructor(host, about) {
    this.host = host;
    this.stopping = new AbortController();
    /** The end of the line of pressed keys: a key waits until the one before it is done. */
    this.pressed = Promise.resolve();
    this.isOpening = false;
    /** Counts what makes waiting keys void, since they would now meet another flag: a click, a card that fails. */
    this.breaks = 0;
    this.isDrawing = false;
    /** What the page's address says. */
    this.addressed = {};
    const draw = () => this.draw();
    this.operations = new Operations({
      send: (operation) => this.#send(operation),
      sendEach: sendReviews,
      onChange: draw,
      onAnswer: (operation, answer) => this.#takeAnswer(operation, answer),
      onRefusal: (operation, error) => this.#takeRefusal(operation, error),
    });
    this.store = new Store(this.operations, draw);
    this.selection = new Selection(this.store, draw);
    const ask = (actionId, isOwn) => askUndo(this.root, this.store, actionId, isOwn);
    this.decisions = new Decisions(this.store, this.operations, ask);
    this.saved = new SavedViews(this.store, (action) => this.press(action));
    this.#takeAbout(about);
    this.#build();
  }

  async start() {
    this.#listen();
    this.draw();
    this.operations.run();
    await this.store.reload({ isKept: await this.#openLinked(), isAround: true });
  }

  /** Show the flag that the address names; one that was decided just before a reload is done with. */
  async #openLinked() {
    const { store } = this;
    const id = store.selectedId;
    if (!id) return false;
    store.select(id);
    const [{ type }] = performance.getEntriesByType("navigation");
    if (type !== "reload") return true;
    await store.fetchCard(id);
    return Boolean(store.row(id)) && store.isShown(store.row(id));
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
      if (this.selection.filters !== this.store.filters) this.selection.clear();
      this.#drawQueueHead();
      for (const pane of [this.bulk, this.queue, this.card, this.status]) pane.render();
      this.#drawCounts();
      this.#keepAddress();
    });
  }

  /** Counts come after the frame in which the next card is painted. */
  #drawCounts() {
    this.counting ??= setTimeout(() => {
      this.counting = null;
      this.facets.render();
    }, COUNTS_PAUSE_MS);
  }

  /** Draw all anew, since ages or the height of rows have changed. */
  redraw() {
    this.queue.redraw();
    this.card.redraw();
    this.draw();
  }

  #changeDensity() {
    this.queue.revealAgain();
    this.redraw();
  }

  /** Do an action once those before it are done; what is typed for a field that is about to open is not for the desk. */
  press(action, detail) {
    if (this.isOpening) return;
    const isAnOpening = isOpening(action, this);
    this.isOpening = isAnOpening;
    const { breaks, operations } = this;
    const expected = SAVING.has(action) && !isAnOpening ? 1 : 0;
    operations.expected += expected;
    this.draw();
    this.pressed = this.pressed
      .then(() => breaks === this.breaks && this.#perform(action, detail))
      .catch((error) => this.#explain(error))
      .finally(() => {
        if (isAnOpening) this.isOpening = false;
        operations.expected -= expected;
        this.draw();
      });
  }

  /** Write what is looked at into the page's address; once another tab is open, nothing of the desk stands there. */
  writeAddress() {
    clearTimeout(this.addressing);
    const { filters, selectedId } = this.store;
    this.addressed = { filters, selectedId };
    const isOpen = (this.host.closest("#review-tabs") ?? this.host).offsetParent !== null;
    if (isOpen) writeAddress(filters, selectedId);
    else clearAddress();
  }

  #build() {
    const { store, selection } = this;
    const perform = (action) => this.press(action);
    this.facets = new Facets(store, this.saved);
    this.queue = new Queue(store, selection, {
      select: (id) => store.select(id),
      getRowHeight: () => this.panes.rowHeight,
    });
    this.bulk = new BulkBar(store, selection, {
      perform,
      selectMatching: () => this.press("select_matching"),
      cancel: (job) => cancelJob(job).catch((error) => this.#explain(error)),
    });
    this.card = new Card(store, selection, {
      perform,
      correct: (label) => this.press("correct", label),
      correctValue: (value) => this.press("correct_value", value),
      correctOutput: (output) => this.press("correct_output", output),
      comment: (words) => this.press("say", words),
      undo: (event, said) => this.press("undo_action", { event, said }),
    });
    this.status = new Status(store, this.operations, this.decisions, selection, perform);
    this.notices = new Notices(store, {
      show: (id) => store.select(id),
      insist: (operation) => this.press("insist", operation),
    });
    const middle = this.#buildMiddle(perform);
    this.panes = new Panes({ left: this.facets.element, middle, right: this.card.element }, () => this.#changeDensity());
    this.root = h("div", { class: "desk" }, this.panes.element, this.status.element);
    this.host.replaceChildren(this.root);
  }

  #buildMiddle(perform) {
    this.search = this.#buildSearch();
    this.total = h("span", { class: "desk-total" });
    this.sort = this.#buildSort();
    this.empty = h("div", { class: "desk-empty", hidden: true });
    this.arrivals = h("button", { type: "button", class: "desk-arrivals", hidden: true, onclick: () => this.#showArrivals() });
    const search = h("label", { class: "desk-search" }, this.search, keycap(KEYS.search?.[0]));
    const menu = { type: "button", class: "desk-button", "aria-keyshortcuts": listShortcuts("help") };
    const label = { "aria-label": text("desk.keys"), title: text("desk.keys") };
    const help = h("button", { ...menu, ...label, "aria-haspopup": "dialog", onclick: () => perform("help") }, "☰");
    const words = [text("desk.action.next_for_me"), keycap(KEYS.next_for_me?.[0])];
    const forMe = { type: "button", class: "desk-button", "aria-keyshortcuts": listShortcuts("next_for_me") };
    const next = h("button", { ...forMe, onclick: () => perform("next_for_me") }, ...words);
    const head = h("div", { class: "desk-queue-head" }, search, this.total, next, this.sort, help);
    const list = h("div", { class: "desk-list-frame" }, this.arrivals, this.empty, this.queue.element);
    const parts = [head, this.facets.chips, this.notices.element, this.bulk.element, list];
    return h("section", { class: "desk-queue", "aria-label": text("desk.queue") }, ...parts);
  }

  #buildSearch() {
    return h("input", {
      class: "desk-field",
      type: "search",
      id: "desk-search",
      placeholder: text("desk.search_hint"),
      value: this.store.filters.text,
      "aria-label": text("desk.search"),
      "aria-keyshortcuts": listShortcuts("search"),
      oninput: () => this.#searchSoon(),
      onblur: () => this.#searchNow(),
      onkeydown: (event) => this.#onSearchKey(event),
    });
  }

  #buildSort() {
    const choose = ({ target }) => {
      this.store.setFilters({ sort: target.value });
      this.queue.focus();
    };
    const options = Object.keys(SORTS).map((sort) => h("option", { value: sort }, text(`desk.sort.${sort}`)));
    return h("select", { class: "desk-field", "aria-label": text("desk.sort"), onchange: choose }, ...options);
  }

  #listen() {
    const { signal } = this.stopping;
    const isListening = () => this.isVisible && !this.root.querySelector("dialog[open]");
    this.root.addEventListener("pointerdown", () => (this.breaks += 1), { capture: true, signal });
    listenToKeys({ isListening, perform: (action, key) => this.press(action, key), signal });
    addEventListener("beforeunload", (event) => this.#leave(event), { signal });
    addEventListener("online", () => this.operations.retry(), { signal });
    document.addEventListener("visibilitychange", () => this.#lookForNews(), { signal });
    this.#watchLayout(signal);
    const news = setInterval(() => this.#lookForNews(), NEWS_EVERY_MS);
    const ages = setInterval(() => this.redraw(), AGES_EVERY_MS);
    signal.addEventListener("abort", () => [news, ages].forEach(clearInterval));
  }

  /** Unsent work warns; a reload finds the flag again that was on the card. */
  #leave(event) {
    this.writeAddress();
    if (this.operations.unsaved) event.preventDefault();
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
      this.#writeAddressSoon();
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
    this.#keepClaim();
    const isNew = await this.store.refreshNews().finally(() => (this.isAsking = false));
    if (isNew) this.#recountSoon();
    if ((this.store.viewsStamp ?? this.about.views_stamp) !== this.about.views_stamp) await this.#refreshAbout();
    if (this.store.trouble && this.store.isReached) await this.store.reload();
  }

  /** Renew the claim of the flag on the card before it ends; who turns away lets it end. */
  async #keepClaim() {
    const { store } = this;
    const flag = store.row(store.selectedId);
    const isOwn = flag?.assignee === store.person && flag.claimed_until;
    const left = isOwn ? Date.parse(flag.claimed_until) - Date.now() : Infinity;
    const half = this.about.claim_minutes * MINUTE_MS / 2;
    if (left > half || left <= 0 || this.isRenewing || this.operations.on(flag.flag_id).length) return;
    this.isRenewing = true;
    const body = { action_id: newId(), flag_id: flag.flag_id, seq: flag.seq, act: "renew" };
    const card = await post("reviews", body).catch(() => null);
    this.isRenewing = false;
    if (card) store.learnCard(card);
  }

  /** @param {{ person: string, people: string[], views: Object[], views_stamp: string }} about */
  #takeAbout(about) {
    this.about = about;
    Object.assign(this.store, { person: about.person, people: about.people });
    this.saved.views = about.views;
  }

  /** Somebody saved, changed or deleted a view. */
  async #refreshAbout() {
    const about = await get("desk").catch(() => null);
    if (!about) return;
    this.#takeAbout(about);
    this.draw();
  }

  /** What touched flags beyond those answered for is read before the operation counts as done, so that none flickers. */
  async #send(operation) {
    const answer = await sendOperation(operation, (job) => {
      this.bulk.job = job;
      this.draw();
    });
    if (operation.route === "bulk" || answer.count > answer.flags?.length) await this.store.refreshNews({ isOwn: true });
    return answer;
  }

  #takeAnswer(operation, answer) {
    if (operation.route === "bulk") this.#takeJob(operation, answer);
    else {
      for (const card of answer.flags ?? [answer]) this.store.learnCard(card);
      this.selection.learn(answer.flags ?? [answer]);
      this.decisions.noteAnswer(operation, answer);
    }
    this.#recountSoon();
  }

  #takeJob(operation, job) {
    if (job.state === "cancelled" || job.skipped) this.notices.addResult(operation, job);
    else this.status.tell(`${operation.said}: ${plural("desk.bulk.done", job.changed)}`);
    for (const id of operation.flag_ids) if (this.store.row(id)) this.store.place(id);
  }

  #recountSoon() {
    clearTimeout(this.recounting);
    this.recounting = setTimeout(() => this.store.refreshFacets(), RECOUNT_PAUSE_MS);
  }

  #takeRefusal(operation, error) {
    this.decisions.forget(operation);
    if (error.body.flag) this.store.learnCard(error.body.flag);
    else operation.flag_ids.slice(0, 1).forEach((id) => this.store.refetchCard(id));
    for (const id of operation.flag_ids) if (this.store.row(id)) this.store.place(id);
    this.notices.addRefusal(operation, error);
  }

  #explain(error) {
    if (error instanceof ApiError) this.notices.addSentence(error.message);
    else reportError(error);
  }

  async #perform(action, detail) {
    if (!FREE.has(action)) await this.#awaitFlag(action);
    const id = this.store.selectedId;
    const wasInCard = this.card.element.contains(document.activeElement);
    await ACTIONS[action](this, id, detail);
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

  async #showArrivals() {
    await this.store.showArrivals();
    this.queue.goToTop();
  }

  #searchSoon() {
    clearTimeout(this.searching);
    this.searching = setTimeout(() => this.#searchNow(), SEARCH_PAUSE_MS);
  }

  /** Search for what is typed; keys that follow are about what is found. */
  #searchNow() {
    clearTimeout(this.searching);
    const words = this.search.value.trim();
    if (words === this.store.filters.text) return;
    this.pressed = this.pressed.then(() => this.store.setFilters({ text: words }));
  }

  #onSearchKey(event) {
    if (event.key !== "Escape" && event.key !== "Enter") return;
    event.preventDefault(); // Escape would empty the field
    this.queue.focus();
  }

  #keepAddress() {
    const { filters, selectedId } = this.store;
    if (filters !== this.addressed.filters || selectedId !== this.addressed.selectedId) this.#writeAddressSoon();
  }

  /** Browsers allow few changes of the address in a short time, and keys are faster than that. */
  #writeAddressSoon() {
    clearTimeout(this.addressing);
    this.addressing = setTimeout(() => this.writeAddress(), ADDRESS_PAUSE_MS);
  }

  #drawQueueHead() {
    const { store } = this;
    const isMissing = !store.isLoaded || (store.trouble && store.total === 0);
    this.total.textContent = isMissing ? "" : plural("desk.flags", store.total + store.arrivals.size);
    this.sort.value = store.filters.sort;
    if (document.activeElement !== this.search && !store.loading) this.search.value = store.filters.text;
    this.arrivals.hidden = store.arrivals.size === 0;
    if (!this.arrivals.hidden) this.arrivals.textContent = plural("desk.arrivals", store.arrivals.size);
    const isEmpty = store.total === 0;
    this.queue.element.hidden = isEmpty;
    this.empty.hidden = !isEmpty;
    if (isEmpty) this.empty.replaceChildren(...this.#explainEmpty());
  }

  #explainEmpty() {
    const { store } = this;
    const say = (words) => h("p", {}, words);
    const offer = (words, onclick) => h("button", { type: "button", class: "desk-button", onclick }, words);
    if (store.trouble) {
      const hint = store.trouble.isPassing ? say(text("desk.list_missing")) : "";
      return [say(store.trouble.message), hint, offer(text("desk.retry"), () => store.reload())];
    }
    if (!store.isLoaded || store.loading) return [say(text("desk.loading"))];
    if (isFiltered(store.filters)) {
      return [say(text("desk.empty.filtered")), offer(text("desk.clear"), () => this.facets.clear())];
    }
    return [say(text(store.counts.all === 0 ? "desk.empty.workspace" : `desk.empty.${store.filters.view}`))];
  }
}

/** Ask who looks and which keys there are, until the server answers; null when it refuses. */
async function awaitDesk(element) {
  for (let pause = 500; ; pause = Math.min(2 * pause, 10_000)) {
    const { about, error } = await get("desk").then((about) => ({ about }), (error) => ({ error }));
    if (about) return about;
    element.replaceChildren(h("p", { class: "desk-empty", role: "alert" }, error.message));
    if (!error.isPassing) return null;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Load the style sheet before anything is drawn, so that nothing jumps. */
function loadStyles() {
  const href = new URL("desk.css", import.meta.url).href;
  if (document.querySelector(`link[href="${CSS.escape(href)}"]`)) return Promise.resolve();
  return new Promise((resolve) => {
    document.head.append(h("link", { rel: "stylesheet", href, onload: resolve, onerror: resolve }));
  });
}
