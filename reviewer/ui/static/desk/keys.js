/**
 * Owns the keyboard. The one rule: the server's list is the only one that says which key does what; the handler,
 * the buttons and the help all read it here.
 */

/** Action → its keys, the one to print first; filled before the desk is built. */
export const KEYS = {};

/** The keys of a card's first ten labels. */
export const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"];

/** The keys of a card's labels: the digits, then the capitals that no action has. */
export let LABEL_KEYS = DIGITS;

const CAPITALS = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (letter) => `Shift+${letter}`);

/** Actions that a key held down repeats. */
const REPEATING = new Set(["next", "previous", "page_down", "page_up", "select_range_down", "select_range_up"]);

/** What scrolls a part of the card that has the focus. */
const SCROLLING = new Set(["pagedown", "pageup", "home", "end"]);
const CODES = { Slash: "/", BracketLeft: "[", BracketRight: "]" };
const PRINTED = { ArrowDown: "↓", ArrowUp: "↑", PageDown: "Page ↓", PageUp: "Page ↑", Escape: "Esc" };

let actions = new Map();
let labelChords = new Map();

/** Take over the server's list: action → keys such as "x", "Home", "Shift+X", "Ctrl+Z". */
export function setKeys(keys) {
  Object.assign(KEYS, keys);
  actions = new Map(Object.entries(keys).flatMap(([action, each]) => each.map((key) => [toChord(key), action])));
  LABEL_KEYS = [...DIGITS, ...CAPITALS.filter((key) => !actions.has(toChord(key)))];
  const letters = Array.from("abcdefghijklmnopqrstuvwxyz").filter((key) => !actions.has(toChord(key)));
  labelChords = new Map([...LABEL_KEYS, ...letters].map((key) => [toChord(key), key]));
}

/** A key as it is printed. */
export function printKey(key) {
  const [modifiers, base] = splitKey(key);
  return [...modifiers, PRINTED[base] ?? base].join("+");
}

/** The keys of an action as `aria-keyshortcuts` wants them; null when it has none. */
export function listShortcuts(action) {
  return KEYS[action]?.map((key) => key.replace("Ctrl+", "Control+")).join(" ") || null;
}

/** The key of one of a card's labels, if it has one: its own, else by its place; labels are ordered by probability. */
export function findLabelKey({ labels, looks = {} }, label) {
  if (looks[label]?.key) return looks[label].key;
  if (areDigits(labels)) return label;
  const taken = Object.values(looks).map(({ key }) => key);
  const free = LABEL_KEYS.filter((key) => !taken.includes(key));
  return free[labels.filter((each) => !looks[each]?.key).indexOf(label)];
}

/** The label that a key stands for on a card. */
export function findLabel(card, key) {
  return card?.labels.find((label) => findLabelKey(card, label) === key);
}

/** Who sees an 8 presses 8, whatever its rank: labels that are digits are their own keys. */
const areDigits = (labels) => labels.every((label) => DIGITS.includes(label));

/**
 * Call `perform(action, key)` for each key that means something; that of a label's key is `label`.
 * @param {{ isListening: () => boolean, perform: (action: string, key: string) => void, signal: AbortSignal }} desk
 */
export function listenToKeys({ isListening, perform, signal }) {
  const onKey = (event) => {
    if (event.defaultPrevented || event.isComposing || isTyping(event.target) || !isListening()) return;
    const chord = readChord(event);
    const labelKey = labelChords.get(chord);
    const action = labelKey ? "label" : actions.get(chord);
    if (!action || isScrolling(event.target, chord)) return;
    event.preventDefault();
    if (event.repeat && !REPEATING.has(action)) return;
    perform(action, labelKey);
  };
  document.addEventListener("keydown", onKey, { signal });
}

/** "Shift+ArrowDown" → [["Shift"], "ArrowDown"]; "+" is a key as well. */
function splitKey(key) {
  const [, modifiers, base] = key.match(/^((?:(?:Ctrl|Alt|Shift)\+)*)(.+)$/s);
  return [modifiers.split("+").filter(Boolean), base];
}

/** A key of the list in the form in which presses are compared; a capital alone is what Shift types. */
function toChord(key) {
  const [modifiers, base] = splitKey(key);
  const isShifted = modifiers.includes("Shift") || (!modifiers.length && isCapital(base));
  return joinChord(modifiers.includes("Ctrl"), modifiers.includes("Alt"), isShifted, base);
}

/** Which of the signs on a key Shift chooses is said by the sign itself. */
function joinChord(isCtrl, isAlt, isShift, base) {
  const isSign = base.length === 1 && !isLetter(base) && base !== " ";
  const modifiers = [isCtrl && "ctrl", isAlt && "alt", isShift && !isSign && "shift"];
  return [...modifiers.filter(Boolean), base === " " ? "space" : base.toLowerCase()].join("+");
}

const isLetter = (sign) => /^\p{L}$/u.test(sign);
const isCapital = (sign) => isLetter(sign) && sign !== sign.toLowerCase();
const isMeant = (chord) => actions.has(chord) || labelChords.has(chord);

/** The press that was meant: what it types, or, on a keyboard that types other letters there, what stands on it. */
function readChord(event) {
  const { key, code, shiftKey } = event;
  const isTypedWithAlt = event.getModifierState("AltGraph");
  const isCtrl = (event.ctrlKey || event.metaKey) && !isTypedWithAlt;
  const isAlt = event.altKey && !isTypedWithAlt;
  const typed = joinChord(isCtrl, isAlt, shiftKey, key);
  if (isMeant(typed) || /^[a-z]$/i.test(key) || key.length > 1) return typed;
  const stands = findOnKey(code, shiftKey);
  return stands ? joinChord(isCtrl, isAlt, shiftKey, stands) : typed;
}

function findOnKey(code, isShift) {
  if (code === "Slash" && isShift) return "?";
  const [, letter, digit] = code.match(/^(?:Key([A-Z])|Digit([0-9]))$/) ?? [];
  if (digit) return isShift ? null : digit;
  return CODES[code] ?? letter?.toLowerCase() ?? null;
}

function isTyping(target) {
  const field = target instanceof Element && target.closest("input, textarea, select, [contenteditable]");
  return Boolean(field) && field.type !== "checkbox";
}

/** A long text on the card is scrolled where it is read. */
const isScrolling = (target, chord) => SCROLLING.has(chord) && Boolean(target.closest?.(".desk-card-body"));
