/* The list of this session's predictions. A row shows its prediction again.
 * The rule: what people typed goes in as text, never as HTML or as a template. */

function make(name, className, text) {
  const node = document.createElement(name);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function drawRow(row, hint) {
  const button = make("button", "");
  button.type = "button";
  button.title = hint;
  button.dataset.prediction = row.id;
  button.append(
    make("span", "session-example", row.example),
    make("span", "session-answer", row.answer),
    make("span", "session-number", row.confidence),
    make("span", `session-state session-${row.tone}`, row.state),
  );
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function drawList(value) {
  if (!value?.rows?.length) return make("p", "dim", value?.empty ?? "");
  const list = make("ul", "session-list");
  list.append(...value.rows.map((row) => drawRow(row, value.hint)));
  return list;
}

/**
 * Return what to show after one more value. A value with `most` puts its row on top of those shown; any other is the
 * whole list as it was `at` that moment: what came in after it stays above, and what is older tells nothing new.
 */
function takeIn(value, { rows, at }) {
  if (value?.at < at) return { rows, at };
  const own = (value?.rows ?? []).map((row) => ({ ...row, at: value.at }));
  const others = rows.filter((row) => !own.some(({ id }) => id === row.id));
  if (value?.most) return { rows: [...own, ...others].slice(0, value.most), at };
  return { rows: [...others.filter((row) => row.at > value.at), ...own], at: value?.at ?? at };
}

/** Draw the list into `element`, and again, after the answer that it came with, when the server sends more. */
export function mount(element, props, watch, trigger) {
  let shown = { rows: [], at: "" };
  const keep = () => {
    shown = takeIn(props.value, shown);
  };
  const draw = () => element.replaceChildren(drawList({ ...props.value, rows: shown.rows }));
  element.addEventListener("click", (event) => {
    const row = event.target.closest("[data-prediction]");
    if (row) trigger("click", { prediction_id: row.dataset.prediction });
  });
  watch("value", () => {
    keep();
    requestAnimationFrame(() => setTimeout(draw));
  });
  keep();
  draw();
}
