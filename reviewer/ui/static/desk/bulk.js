/**
 * Owns decisions on many flags: the preview, the request that is followed until it ends, the bar of what is
 * selected. The one rule: nothing is decided about flags whose number was not shown first.
 */

import { ApiError, get, post } from "./api.js";
import { confirm } from "./dialogs.js";
import { h, keycap } from "./dom.js";
import { formatCount } from "./format.js";
import { KEYS, listShortcuts } from "./keys.js";
import { toBody } from "./operations.js";
import { name, plural, text } from "./texts.js";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;

/** Send an operation; one on many flags is followed until it ends, `onProgress` gets its state on the way. */
export async function sendOperation(operation, onProgress) {
  const answer = await post(operation.route, toBody(operation));
  return operation.route === "bulk" ? followJob(answer, onProgress) : answer;
}

/** Send decisions on different flags together; the answers are cards, and an `ApiError` for each that is refused. */
export async function sendReviews(operations) {
  const { answers } = await post("reviews/many", { reviews: operations.map(toBody) });
  return answers.map(({ card, refusal, status }) => card ?? new ApiError(refusal.error, status, refusal));
}

async function followJob(started, onProgress) {
  let job = started;
  let pause = FIRST_PAUSE_MS;
  try {
    while (job.state === "running") {
      onProgress(job);
      await new Promise((resolve) => setTimeout(resolve, pause));
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
      job = await get(`bulk/${encodeURIComponent(job.action_id)}`);
    }
  } finally {
    onProgress(null);
  }
  if (job.state === "failed") throw new ApiError(job.error, 422);
  return job;
}

/** Stop a running job; what it has done stays, and one undo takes it back. */
export const cancelJob = ({ action_id: id }) => post(`bulk/${encodeURIComponent(id)}/cancel`, {});

/**
 * Show what a decision on the selected flags would touch, and which ones it would leave out.
 * @param {{ root: HTMLElement, selection: Object, store: Object }} desk
 * @param {Object} decision
 * @param {string} words the decision, in words
 * @returns {Promise<{ body: Object, flagIds: string[], count: number }|null>} the target once confirmed
 */
export async function confirmTarget({ root, selection, store }, decision, words) {
  const { target, heldIds } = selection;
  const preview = await post("bulk/preview", { ...target, ...decision });
  const count = preview.count - preview.skipped;
  const title = text("desk.bulk.ask", { said: words, flags: plural("desk.flags", Math.max(0, count)) });
  const isSure = await confirm(root, title, buildPreview(preview, store), count > 0 && words);
  const body = target.flags ? target : { ...target, head: preview.head };
  return isSure ? { body, flagIds: target.flags?.map(({ flag_id }) => flag_id) ?? heldIds, count } : null;
}

function buildPreview({ count, sample, statuses, models, ...tried }, store) {
  const lines = [
    sayCounts(models, (model) => model),
    sayCounts(statuses, (status) => name("status", status)),
    statuses.resolved && sayReplaced(statuses.resolved, tried.skipped),
  ];
  const more = count - sample.length;
  const rows = sample.map((row) => h("li", {}, row.preview || name("option", row.option), buildSaid(row)));
  if (more > 0) rows.push(h("li", { class: "desk-none" }, plural("desk.more", more)));
  const said = lines.filter(Boolean).map((line) => h("p", {}, line));
  const hint = h("p", { class: "desk-none" }, text("desk.bulk.hint"));
  return [...said, h("ul", { class: "desk-sample" }, ...rows), ...buildLeftOut(tried, count, store), hint];
}

/** Which of those left out are decided is said with each of them. */
const sayReplaced = (resolved, skipped) =>
  skipped ? text("desk.bulk.replaces_others") : plural("desk.bulk.replaces", resolved);

function buildLeftOut({ skipped, checked, reasons }, count, store) {
  const rows = reasons.map(({ flag_id: id, reason }) => h("li", {}, store.row(id)?.preview || id, h("small", {}, reason)));
  if (skipped > reasons.length) rows.push(h("li", { class: "desk-none" }, plural("desk.more", skipped - reasons.length)));
  return [
    skipped > 0 && h("p", { class: "desk-warn" }, plural("desk.bulk.leaves_out", skipped)),
    skipped > 0 && h("ul", { class: "desk-sample desk-left-out" }, ...rows),
    checked < count && h("p", { class: "desk-none" }, text("desk.bulk.checked", { count: formatCount(checked) })),
  ].filter(Boolean);
}

const buildSaid = (row) => h("small", {}, [row.predicted_label, name("status", row.status)].filter(Boolean).join(" · "));

const sayCounts = (counts, say) =>
  Object.entries(counts).map(([key, flags]) => `${say(key)}: ${formatCount(flags)}`).join(" · ");

/** The bar above the list that says what a decision would be for, and how far a running one is. */
export class BulkBar {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./selection.js").Selection} selection
   * @param {{ perform: (action: string) => void, selectMatching: () => void, cancel: (job: Object) => void }} hooks
   */
  constructor(store, selection, hooks) {
    Object.assign(this, { store, selection });
    /** The state of the job that runs, if one does. */
    this.job = null;
    this.words = h("span", { class: "desk-grow", role: "status" });
    this.matching = h("button", { type: "button", class: "desk-link", onclick: hooks.selectMatching });
    this.clear = buildButton("clear_selection", text("desk.key.clear_selection"), () => hooks.perform("clear_selection"));
    this.progress = h("progress", { "aria-label": text("desk.bulk.progress") });
    const cancel = { type: "button", class: "desk-button", onclick: () => hooks.cancel(this.job) };
    this.cancel = h("button", cancel, text("desk.cancel"));
    const children = [this.words, this.progress, this.cancel, this.matching, this.clear];
    this.element = h("div", { class: "desk-bulk", hidden: true }, ...children);
  }

  render() {
    const { selection, store, job } = this;
    this.element.hidden = !selection.count && !job;
    if (this.element.hidden) return;
    const canWiden = !job && !selection.scope && selection.isFull && store.total > selection.count;
    this.words.textContent = job ? sayJob(job) : saySelection(selection);
    this.matching.hidden = !canWiden;
    this.matching.textContent = text("desk.bulk.all_matching", { count: formatCount(store.total) });
    this.clear.hidden = Boolean(job) || !selection.count;
    this.progress.hidden = this.cancel.hidden = !job;
    if (job) Object.assign(this.progress, { max: Math.max(1, job.total), value: job.done });
  }
}

function buildButton(action, words, onclick) {
  const properties = { type: "button", class: "desk-button", "aria-keyshortcuts": listShortcuts(action), onclick };
  return h("button", properties, words, keycap(KEYS[action]?.[0]));
}

const sayJob = ({ done, total }) => text("desk.bulk.running", { done: formatCount(done), total: formatCount(total) });

function saySelection({ scope, count }) {
  if (scope?.isGroup) return plural("desk.bulk.group", count);
  return plural(scope ? "desk.bulk.scope" : "desk.bulk.selected", count);
}
