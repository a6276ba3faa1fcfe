/**
 * Owns what each action does. The one rule: an action that decides is for the selected flags when there are any,
 * else for the one on the card.
 */

import { post } from "./api.js";
import { confirmTarget } from "./bulk.js";
import { showLink } from "./dialogs.js";
import { emptyFilters, listViews } from "./filters.js";
import { openHelp } from "./help.js";
import { findLabel } from "./keys.js";
import { newId } from "./operations.js";
import { openPicker } from "./picker.js";
import { text } from "./texts.js";

/** How sure somebody is who presses that key, 1 to 5. */
const UNSURE = 1;

const resolve = (resolution) => (desk, id) => decide(desk, id, { resolution });

/** Action → what it does with the desk and the flag on the card; a promise keeps the next key waiting. */
export const ACTIONS = {
  next: ({ store }) => store.move(1),
  previous: ({ store }) => store.move(-1),
  page_down: ({ store, queue }) => store.move(queue.pageSize),
  page_up: ({ store, queue }) => store.move(-queue.pageSize),
  first: ({ store }) => store.moveTo(0),
  last: ({ store }) => store.moveTo(store.total - 1),
  skip: ({ store }) => store.move(1),
  select: ({ selection, store }, id) => id && store.row(id) && selection.toggle(id),
  select_range_down: (desk, id) => reach(desk, id, 1),
  select_range_up: (desk, id) => reach(desk, id, -1),
  select_all: (desk) => selectAll(desk),
  select_matching: (desk) => selectMatching(desk),
  clear_selection: ({ selection }) => selection.clear(),
  label: (desk, id, key) => correct(desk, id, findLabel(desk.store.cards.get(id), key)),
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
  needs_info: (desk, id) => decide(desk, id, { status: "needs_info" }),
  reopen: (desk, id) => decide(desk, id, { status: "open" }),
  next_for_me: (desk) => takeNext(desk),
  claim: (desk, id) => decide(desk, id, { act: "claim" }),
  release: (desk, id) => decide(desk, id, { act: "release" }),
  assign: (desk, id) => pickPerson(desk, id),
  assign_to: (desk, id, name) => decide(desk, id, { assignee: name }),
  ask_second: (desk, id) => askSecond(desk, id),
  unsure: ({ card }, id) => card.toggleWish(id, { certainty: UNSURE }),
  gold: (desk, id) => decide(desk, id, { act: "gold" }),
  comment: ({ card }) => enter(card.comment.field),
  say: ({ decisions }, id, words) => decisions.comment(id, words),
  undo: ({ decisions }) => decisions.undo(),
  undo_action: ({ decisions }, id, { event, said }) => decisions.undoAction(id, event, said),
  redo: ({ decisions }) => decisions.redo(),
  insist: ({ decisions }, id, operation) => decisions.insist(operation),
  group: (desk, id) => selectGroup(desk, id),
  show_group: ({ store }, id) => showGroup(store, id),
  split: ({ store, decisions }, id) => store.row(id)?.group_size > 1 && decisions.split(id),
  search: ({ search }) => enter(search),
  filter: ({ facets }) => facets.focus(),
  previous_view: ({ store }) => turnView(store, -1),
  next_view: ({ store }) => turnView(store, 1),
  save_view: ({ saved, root }) => saved.openNew(root),
  copy_link: (desk) => copyLink(desk),
  density: ({ panes }) => panes.toggleDensity(),
  help: (desk) => openHelp(desk.root, (action) => desk.press(action)),
};

/** Actions that are about no flag, so they wait for none. */
export const FREE = new Set([
  ...["search", "filter", "help", "undo", "redo", "previous_view", "next_view", "save_view", "copy_link", "density"],
  ...["select_all", "select_matching", "clear_selection", "first", "last", "next_for_me"],
]);

/** Actions that mean the labels or fields of a card in sight. */
export const NEEDS_CARD = new Set(["label", "labels", "value"]);

const FIELDS = new Set(["search", "filter", "help", "labels", "assign", "comment", "value", "save_view"]);

/** Actions of which a dialog shows first whom they are for, when several flags are selected. */
const DECIDING = new Set([
  ...["label", "correct", "correct_value", "correct_output", "prediction_correct", "ambiguous", "bad_input"],
  ...["out_of_scope", "duplicate", "not_reproducible", "app_bug", "wont_fix", "needs_info", "reopen"],
  ...["claim", "release", "assign_to", "gold"],
]);

/** Actions of which something is to be saved, unless they ask first. */
export const SAVING = new Set([...DECIDING, "say", "split", "redo", "insist"]);

/** Whether the next keys go to what an action opens. */
export const isOpening = (action, { selection, store }) =>
  FIELDS.has(action) || (DECIDING.has(action) && selection.isBeyond(store.selectedId)) || action === "undo_action";

function enter(field) {
  field.focus();
  field.select();
}

/** Decide about the selected flags, or about the one on the card. */
function decide(desk, id, decision) {
  const { selection } = desk;
  if (selection.isBeyond(id)) return decideMany(desk, decision);
  selection.clear();
  if (id && desk.store.row(id)) desk.decisions.decide(id, decision, desk.card.takeDraft(id), desk.card.takeWishes(id, decision));
  return null;
}

/** Have the answer to a flag reviewed by somebody else too: the one that stands, or the one that comes next. */
function askSecond(desk, id) {
  const isAnswered = desk.store.row(id)?.status === "resolved";
  if (isAnswered || desk.selection.isBeyond(id)) return decide(desk, id, { act: "ask_second" });
  return desk.card.toggleWish(id, { ask_second: true });
}

/** Claim whatever is to do next; what is decided by now must be known to the server before it chooses. */
async function takeNext({ store, operations, decisions, status }) {
  await operations.whenSaved();
  const { view, sort, seed, ...filters } = store.filters;
  const actionId = newId();
  const { flag } = await post("next", { action_id: actionId, filters, sort, seed: seed ?? 0 });
  if (!flag) return status.tell(text("desk.next.none"));
  decisions.noteTaken(flag, actionId);
  store.learnCard(flag);
  return store.select(flag.flag_id);
}

async function decideMany(desk, decision) {
  const { selection, decisions } = desk;
  desk.breaks += 1; // keys that wait behind the question were pressed without knowing of it
  const target = await confirmTarget(desk, decision, decisions.describe(decision));
  if (!target) return;
  selection.clear();
  decisions.decideMany(target, decision); // a comment that is being written stays with its flag
}

function correct(desk, id, label) {
  if (label === undefined) return null;
  const isPredicted = !desk.selection.isBeyond(id) && label === desk.store.row(id)?.predicted_label;
  return decide(desk, id, isPredicted ? { resolution: "prediction_correct" } : { corrected_label: label });
}

function correctOutput(desk, id, output) {
  const { output: predicted } = desk.store.cards.get(id) ?? {};
  const isPredicted = !desk.selection.isBeyond(id) && JSON.stringify(output) === JSON.stringify(predicted);
  return decide(desk, id, isPredicted ? { resolution: "prediction_correct" } : { corrected_output: output });
}

function pickLabel(desk, id) {
  const choices = desk.store.cards.get(id)?.labels ?? [];
  const about = { title: text("desk.labels"), hint: text("desk.pick_label"), choices };
  if (choices.length) openPicker(desk.root, about, (label) => desk.press("correct", label));
}

function pickPerson(desk, id) {
  const { person, people } = desk.store;
  const assigned = desk.store.row(id)?.assignee;
  const choices = [...new Set([person, ...people])].filter((each) => each !== assigned);
  const about = { title: text("desk.key.assign"), hint: text("desk.pick_person"), choices, canAdd: true };
  openPicker(desk.root, about, (name) => desk.press("assign_to", name));
}

async function reach(desk, id, steps) {
  const { selection, store } = desk;
  if (!id || !store.row(id)) return;
  await store.move(steps);
  selection.reachOn(id, store.selectedId);
}

/** First what is held, then all that the filters match. */
function selectAll(desk) {
  const { selection, store } = desk;
  if (selection.isFull && store.total > selection.count) selectMatching(desk);
  else if (!selection.scope) selection.selectHeld();
}

function selectMatching({ selection, store }) {
  selection.selectScope({ ...store.filters, sort: undefined, seed: undefined }, store.total);
}

async function selectGroup({ selection, store, status }, id) {
  const { group_id: group, group_size: size } = store.row(id) ?? {};
  if (!(size > 1)) return;
  const filters = { ...emptyFilters(), sort: undefined, seed: undefined, view: "open", group };
  const { count } = await post("bulk/preview", { filters });
  if (count) selection.selectScope(filters, count, true);
  else status.tell(text("desk.bulk.group_done"));
}

function showGroup(store, id) {
  const { group_id: group, group_size: size } = store.row(id) ?? {};
  return size > 1 ? store.setFilters({ ...emptyFilters(), sort: store.filters.sort, view: "all", group }) : null;
}

function turnView(store, step) {
  const views = listViews(store.counts, store.filters.view);
  return store.setFilters({ view: views[(views.indexOf(store.filters.view) + step + views.length) % views.length] });
}

async function copyLink(desk) {
  desk.writeAddress();
  try {
    await navigator.clipboard.writeText(location.href);
    desk.status.tell(text("desk.link_copied"));
  } catch {
    showLink(desk.root, location.href);
  }
}
