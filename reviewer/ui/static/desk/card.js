/**
 * Owns the card of the selected flag. The one rule: what is half typed survives every update of the flag.
 */

import { Advice } from "./advice.js";
import { h, keycap, renew } from "./dom.js";
import { formatAgo, formatMoment, formatShare, formatValue, formatVersion } from "./format.js";
import { buildHistory } from "./history.js";
import { buildFailure, buildInputs, buildOutputs, buildRightOutput } from "./inputs.js";
import { DIGITS, KEYS, LABEL_KEYS, findLabelKey, listShortcuts } from "./keys.js";
import { buildNote, sayFlagger } from "./origin.js";
import { assigneePill, pill, resolutionPill, sayCorrection, sayPrediction, statusPill, verificationPill } from "./pills.js";
import { buildPriority } from "./priority.js";
import { RightOutput, isTypable } from "./right_output.js";
import { RightValue } from "./right_value.js";
import { buildSecond } from "./second.js";
import { name, plural, text } from "./texts.js";

const RESOLUTIONS = [
  "prediction_correct",
  "ambiguous",
  "bad_input",
  "out_of_scope",
  "duplicate",
  "not_reproducible",
  "app_bug",
  "wont_fix",
];

/** The parts of a card, from the top down. */
const PARTS = [
  "verdict",
  "second",
  "inputs",
  "trouble",
  "failure",
  "answer",
  "outputs",
  "right",
  "note",
  "group",
  "advice",
  "priority",
  "history",
];

/**
 * @typedef {Object} CardHooks
 * @property {(action: string) => void} perform
 * @property {(label: string) => void} correct
 * @property {(value: number) => void} correctValue
 * @property {(output: unknown) => void} correctOutput
 * @property {(comment: string) => void} comment
 * @property {(event: Object, said: string) => void} undo
 */

export class Card {
  /**
   * @param {import("./store.js").Store} store
   * @param {import("./selection.js").Selection} selection
   * @param {CardHooks} hooks
   */
  constructor(store, selection, hooks) {
    Object.assign(this, { store, selection, hooks });
    /** Flag → a comment that is being written. */
    this.drafts = new Map();
    /** Flag → what the next answer to it says besides: how sure the reviewer is, that somebody else shall look too. */
    this.wishes = new Map();
    this.shown = {};
    this.head = h("div", { class: "desk-card-head" });
    this.body = h("div", { class: "desk-card-body", tabindex: "0", role: "region", "aria-label": text("desk.card") });
    this.body.addEventListener("error", explainLoss, { capture: true });
    /** Whether the body was scrolled; asking it would lay the page out at every key. */
    this.isScrolled = false;
    this.body.addEventListener("scroll", () => (this.isScrolled = true), { passive: true });
    this.parts = Object.fromEntries(PARTS.map((part) => [part, h("div", {})]));
    this.advice = new Advice(this.parts.inputs);
    this.parts.advice.append(this.advice.element);
    this.value = new RightValue((value) => hooks.correctValue(value));
    this.output = new RightOutput((output) => hooks.correctOutput(output));
    this.comment = this.#buildCommentField();
    this.actions = h("div", { class: "desk-actions" });
    const compose = h("div", { class: "desk-compose" }, this.value.element, this.output.element, this.comment.element);
    const panes = [this.head, this.body, compose, this.actions];
    this.element = h("article", { class: "desk-card", "aria-label": text("desk.card") }, ...panes);
  }

  /** Draw the selected flag; nothing is touched when nothing of it changed. */
  render() {
    const id = this.store.selectedId;
    const flag = this.store.card(id) ?? this.store.row(id);
    const error = this.store.cardErrors.get(id);
    const selected = this.selection.count;
    const { shown } = this;
    const present = String(this.store.present[id] ?? "");
    const isSame = [flag, error, selected, present].every((each, at) => each === shown.seen?.[at]);
    if (isSame && shown.isDrawn) return;
    const isOther = id !== shown.id;
    this.shown = { id, seen: [flag, error, selected, present], isDrawn: true };
    this.element.classList.toggle("desk-blank", !flag);
    if (isOther) this.#turnTo(id);
    if (flag) this.#draw(flag, error);
    else this.#clear(error);
  }

  /** Draw it anew, since ages have changed. */
  redraw() {
    this.shown = { ...this.shown, isDrawn: false };
    this.render();
  }

  /** The comment that is being written on a flag; taking it empties the field. */
  takeDraft(id) {
    const draft = (this.drafts.get(id) ?? "").trim();
    this.drafts.delete(id);
    if (id === this.shown.id) this.comment.field.value = "";
    return draft;
  }

  /** Set what the next answer says besides, or take it off. */
  toggleWish(id, wish) {
    const wishes = { ...this.wishes.get(id) };
    for (const [name, value] of Object.entries(wish)) {
      if (wishes[name] === value) delete wishes[name];
      else wishes[name] = value;
    }
    this.wishes.set(id, wishes);
    this.redraw();
  }

  /** What a decision says besides, when it is an answer; taking it forgets it. */
  takeWishes(id, decision) {
    if (!Object.keys(decision).some((name) => name.startsWith("corrected_") || name === "resolution")) return {};
    const wishes = this.wishes.get(id) ?? {};
    this.wishes.delete(id);
    return wishes;
  }

  #turnTo(id) {
    if (this.isScrolled) this.body.scrollTop = 0;
    this.isScrolled = false;
    this.comment.field.value = this.drafts.get(id) ?? "";
  }

  #clear(error) {
    this.drawn = null;
    this.advice.clear();
    this.head.replaceChildren();
    this.actions.replaceChildren();
    this.body.replaceChildren(h("p", { class: "desk-empty" }, error?.message ?? text("desk.no_card")));
  }

  /** Until the card has arrived, what the queue knows of the flag stands in for it. */
  #draw(flag, error) {
    const model = this.store.models.get(flag.model);
    const isCard = "inputs" in flag;
    this.head.replaceChildren(...buildHead(flag, this.store.present[flag.flag_id] ?? []));
    this.#drawLasting(flag, model, isCard);
    this.#fill("verdict", buildVerdict(flag, model));
    this.#fill("second", buildSecond(flag, model, this.store.person));
    this.#fill("trouble", error && this.#buildError(error));
    this.#fill("answer", isCard && this.#buildAnswer(flag, model));
    this.#fill("right", isCard && buildRightOutput(flag, model));
    this.#fill("group", buildGroup(flag, this.hooks));
    this.#fill("priority", buildPriority(flag));
    this.#fill("history", isCard && buildHistory(flag, model, this.hooks.undo));
    this.#drawFields(flag, model);
    renew(this.actions, this.#buildActions(flag));
  }

  /** What never changes is drawn once, so that a recording plays on and what was unfolded or scrolled stays so. */
  #drawLasting(flag, model, isCard) {
    const drawn = `${flag.flag_id} ${isCard}`;
    if (drawn === this.drawn) return;
    if (!this.drawn) this.body.replaceChildren(...Object.values(this.parts));
    this.drawn = drawn;
    this.#fill("inputs", isCard ? buildInputs(flag, model) : h("div", { class: "desk-say" }, flag.preview));
    this.#fill("failure", isCard && buildFailure(flag));
    this.#fill("outputs", isCard && buildOutputs(flag, model));
    this.#fill("note", buildNote(flag, model));
    if (isCard) this.advice.turnTo(flag, model);
    else this.advice.clear();
  }

  #fill(part, content) {
    this.parts[part].replaceChildren(...[content].filter(Boolean));
  }

  /** The field in which the right answer is typed, if the model's answers are typed. */
  get answerField() {
    return [this.value, this.output].find(({ element }) => !element.hidden)?.field;
  }

  #drawFields(flag, model) {
    const kind = findAnswerKind(flag, model);
    this.value.element.hidden = kind !== "value";
    this.output.element.hidden = kind !== "output";
    if (kind === "value") this.value.turnTo(flag, model);
    if (kind === "output") this.output.turnTo(flag, model);
  }

  #buildError(error) {
    const retry = () => this.store.refetchCard(this.store.selectedId);
    return h("p", { class: "desk-bad", role: "alert" }, error.message, " ", button(text("desk.retry"), retry));
  }

  #buildAnswer(flag, model) {
    if (flag.labels.length) return this.#buildLabels(flag);
    return findAnswerKind(flag, model) === "value" ? buildPredictedValue(flag, model) : null;
  }

  /** Each of the first ten, and of those that somebody or the model named, on a line; the further ones close together. */
  #buildLabels(flag) {
    const marked = [flag.predicted_label, flag.suggested_label].filter((label) => flag.labels.includes(label));
    const lines = new Set([...flag.labels.slice(0, DIGITS.length), ...marked]);
    const further = flag.labels.slice(0, LABEL_KEYS.length).filter((label) => !lines.has(label));
    const options = { action: "labels" };
    const all = button(text("desk.all_labels", { count: flag.labels.length }), () => this.hooks.perform("labels"), options);
    return h(
      "div",
      { class: "desk-labels", role: "group", "aria-label": text("desk.labels") },
      ...Array.from(lines, (label) => this.#buildLabel(flag, label)),
      further.length > 0 && h("div", { class: "desk-further" }, ...further.map((label) => this.#buildFurther(flag, label))),
      lines.size + further.length < flag.labels.length && all,
    );
  }

  #buildLabel(flag, label) {
    const key = findLabelKey(flag, label);
    const share = flag.scores?.[label];
    const marks = markLabel(flag, label);
    const isPredicted = marks.includes("predicted");
    const title = isPredicted ? text("desk.action.prediction_correct") : text("desk.correct_to", { label });
    return h(
      "button",
      this.#describeLabel(label, key, title, ["desk-label", ...marks.map((mark) => `desk-${mark}`)]),
      key ? keycap(key) : h("span"),
      h("span", { class: "desk-label-name" }, buildDot(flag, label), label, ...marks.map(buildMark)),
      flag.scores && h("span", { class: "desk-track" }, share > 0 && h("span", { style: { width: `${100 * share}%` } })),
      h("span", { class: "desk-number" }, formatShare(share)),
    );
  }

  #buildFurther(flag, label) {
    const key = findLabelKey(flag, label);
    const properties = this.#describeLabel(label, key, text("desk.correct_to", { label }), ["desk-label-chip"]);
    return h("button", properties, keycap(key), h("span", {}, buildDot(flag, label), label));
  }

  #describeLabel(label, key, title, classes) {
    const onclick = () => this.hooks.correct(label);
    return { type: "button", class: classes.join(" "), title, "aria-keyshortcuts": key, onclick };
  }

  #buildActions(flag) {
    const act = (action) => button(text(`desk.action.${action}`), () => this.hooks.perform(action), { action });
    const { count } = this.selection;
    const isOwn = flag.assignee === this.store.person && !["open", "resolved"].includes(flag.status);
    const isResolved = flag.status === "resolved";
    const isAnswered = ["second_review", "disagreement"].includes(flag.status);
    const wishes = this.wishes.get(flag.flag_id) ?? {};
    return [
      count > 0 && h("b", { class: "desk-actions-for" }, plural("desk.for_selected", count)),
      this.#buildMainAction(flag),
      ...RESOLUTIONS.map(act),
      !isAnswered && act("needs_info"),
      !isResolved && act(isOwn ? "release" : "claim"),
      !isResolved && act("assign"),
      flag.status !== "open" && !isAnswered && act("reopen"),
      !isResolved && press(act("unsure"), "certainty" in wishes),
      !isAnswered && !(isResolved && flag.second_review) && press(act("ask_second"), "ask_second" in wishes),
      isResolved && !flag.gold_by && act("gold"),
      act("skip"),
    ].filter(Boolean);
  }

  /** What the flagger thinks is right is one press away. */
  #buildMainAction(flag) {
    const label = flag.suggested_label;
    if (label === flag.predicted_label || !flag.labels?.includes(label)) return null;
    const options = { key: findLabelKey(flag, label), isMain: true };
    return button(text("desk.correct_to", { label }), () => this.hooks.correct(label), options);
  }

  #buildCommentField() {
    const isSent = (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey);
    const field = h("textarea", {
      class: "desk-field",
      rows: "1",
      maxlength: "10000",
      placeholder: text("desk.comment_hint"),
      oninput: () => this.drafts.set(this.shown.id, field.value),
      onkeydown: (event) => this.#onFieldKey(event, isSent(event), () => this.#sendComment()),
    });
    const label = h("label", {}, text("desk.action.comment"), keycap(KEYS.comment?.[0]), field);
    const send = button(text("desk.send"), () => this.#sendComment());
    return { element: h("div", { class: "desk-compose-row" }, label, send), field };
  }

  #sendComment() {
    const draft = this.takeDraft(this.shown.id);
    this.comment.field.blur();
    if (draft) this.hooks.comment(draft);
  }

  #onFieldKey(event, isSent, send) {
    if (isSent) send();
    if (event.key === "Escape") event.target.blur();
  }
}

/** Show on a button whether what it switches is on. */
function press(element, isOn) {
  element.setAttribute("aria-pressed", String(isOn));
  return element;
}

/** A button with the key that does the same: an action's, or one of its own. */
function button(words, onclick, { action = null, key = KEYS[action]?.[0], isMain = false } = {}) {
  const properties = { type: "button", class: isMain ? "desk-button desk-main" : "desk-button" };
  const shortcuts = action ? listShortcuts(action) : key;
  return h("button", { ...properties, "aria-keyshortcuts": shortcuts, onclick }, words, keycap(key));
}

/** A picture or recording whose file is gone leaves a sentence in its place. */
function explainLoss({ target }) {
  if (!target.matches("img, audio")) return;
  const label = target.getAttribute("alt") ?? target.getAttribute("aria-label");
  target.replaceWith(h("p", { class: "desk-none desk-bad", role: "note" }, text("desk.media_gone", { label })));
}

/** What can be done with all flags that complain about the same. */
function buildGroup({ group_size: size }, { perform }) {
  if (!(size > 1)) return null;
  const act = (action) => button(text(`desk.action.${action}`), () => perform(action), { action });
  const words = h("b", { class: "desk-grow" }, plural("desk.similar_flags", size - 1));
  return h("div", { class: "desk-note desk-similar" }, words, act("group"), act("show_group"), act("split"));
}

const buildMark = (mark) => h("small", {}, ` · ${text(`desk.mark.${mark}`)}`);

function markLabel(flag, label) {
  const marks = { predicted: flag.predicted_label, suggested: flag.suggested_label, corrected: flag.corrected_label };
  return Object.keys(marks).filter((mark) => marks[mark] === label);
}

function buildHead(flag, present) {
  const flagged = `${sayFlagger(flag)}, ${formatAgo(flag.flagged_at)}`;
  return [
    h("b", {}, name("option", flag.option)),
    h("span", { title: formatMoment(flag.flagged_at) }, flagged),
    h("span", { class: "desk-grow" }, `${flag.model} ${formatVersion(flag.model_version)}${sayLatency(flag)}`),
    present.length > 0 && pill(`👁 ${present.join(", ")}`, "", text("desk.present", { people: present.join(", ") })),
    assigneePill(flag),
    statusPill(flag),
    flag.gold_by !== null && flag.gold_by !== undefined && pill(text("desk.gold"), "warn"),
  ].filter(Boolean);
}

function sayLatency({ latency_ms: latency }) {
  return typeof latency === "number" ? ` · ${formatValue(Number(latency.toPrecision(2)), text("desk.ms"))}` : "";
}

function buildVerdict(flag, model) {
  const pills = [resolutionPill(flag, model), verificationPill(flag)].filter(Boolean);
  if (!pills.length) return null;
  const isSigned = flag.reviewer && flag.reviewed_at;
  const who = isSigned ? `${flag.reviewer}, ${formatAgo(flag.reviewed_at)}` : "";
  return h("p", { class: "desk-verdict" }, ...pills, h("small", {}, who));
}

function buildPredictedValue(flag, model) {
  const right = sayCorrection(flag, model);
  if (flag.predicted_value === null && !right) return null;
  return h(
    "p",
    { class: "desk-value" },
    text("desk.predicted", { label: "" }),
    h("b", {}, sayPrediction(flag, model)),
    model?.tolerance && h("small", {}, ` ± ${formatValue(model.tolerance)}`),
    right && ` · ${text("desk.mark.corrected")}: `,
    right && h("b", {}, right),
  );
}

/** How the right answer is given: a label is chosen, a value or an output typed; null for what nobody can type. */
function findAnswerKind(flag, model) {
  if (flag.labels?.length || flag.predicted_label !== null || flag.task.endsWith("-classification")) return "label";
  if (flag.predicted_value !== null || flag.task === "tabular-regression") return "value";
  return isTypable(model) ? "output" : null;
}

/** The colour that admins gave a label; nothing for one without. */
function buildDot({ looks }, label) {
  const color = looks?.[label]?.color;
  return color ? h("span", { class: "desk-dot", "aria-hidden": "true", style: { background: color } }) : "";
}
