/**
 * Owns how what is too long for a card is folded. The one rule: a press shows more of it, exactly as it is stored.
 */

import { h } from "./dom.js";
import { plural } from "./texts.js";

const CHARACTERS = 4_000;
const CHARACTERS_MORE = 50_000;

/** A text as nodes: all of it, or its beginning and a button that lays open what follows. */
export function foldText(words, most = CHARACTERS) {
  if (words.length <= most) return [words];
  const at = findBreak(words, most);
  const open = ({ target }) => target.replaceWith(...foldText(words.slice(at), CHARACTERS_MORE));
  return [words.slice(0, at), buildMore("desk.more_characters", words.length - at, open)];
}

/** A list as nodes, each built when it is shown; `wrap` makes the button fit among them. */
export function foldList(things, build, most, wrap = (button) => button) {
  if (things.length <= most) return things.map(build);
  const open = () => last.replaceWith(...foldList(things.slice(most), build, most, wrap));
  const last = wrap(buildMore("desk.more", things.length - most, open));
  return [...things.slice(0, most).map(build), last];
}

const buildMore = (key, count, onclick) =>
  h("button", { type: "button", class: "desk-link desk-fold", onclick }, plural(key, count));

/** Half of a character would show as a question mark. */
const findBreak = (words, at) => (/[\uD800-\uDBFF]/.test(words[at - 1]) ? at - 1 : at);
