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

/** Return the rows to show: the value's, above those shown already when it says how many there may be. */
function addRows(value, shown) {
  const rows = value?.rows ?? [];
  return value?.most ? [...rows, ...shown].slice(0, value.most) : rows;
}

/** Draw the list into `element`, and again, after the answer that it came with, when the server sends more. */
export function mount(element, props, watch, trigger) {
  let rows = [];
  const keep = () => {
    rows = addRows(props.value, rows);
  };
  const draw = () => element.replaceChildren(drawList({ ...props.value, rows }));
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
