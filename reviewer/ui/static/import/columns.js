/* The columns of uploaded flags, each with what it is taken for, which the person can change.
 * The rule: headers and cells are a stranger's texts; they go in as text, never as HTML or as a template. */

function make(name, attributes, ...children) {
  const node = Object.assign(document.createElement(name), attributes);
  node.append(...children);
  return node;
}

function drawChoice(row, choices, words) {
  const select = make("select", { ariaLabel: row.header });
  const known = row.told ? choices : [["", words.choose], ...choices];
  select.append(...known.map(([value, textContent]) => make("option", { value, textContent })));
  select.value = row.told;
  return select;
}

function drawRow(row, { choices, words }) {
  const mark = row.is_sure ? [] : [make("span", { className: "import-unsure", textContent: words.unsure })];
  const cells = row.cells.map((cell) => make("div", { textContent: cell }));
  const head = make("th", { scope: "row", textContent: row.header });
  const choice = make("td", {}, drawChoice(row, choices, words), ...mark);
  return make("tr", {}, head, make("td", {}, ...cells), choice);
}

function drawTable(value) {
  if (!value?.rows?.length) return [];
  const heads = value.heads.map((textContent) => make("th", { scope: "col", textContent }));
  const table = make("table", { className: "plain-table" }, make("thead", {}, make("tr", {}, ...heads)));
  table.append(make("tbody", {}, ...value.rows.map((row) => drawRow(row, value))));
  return value.more ? [table, make("p", { className: "dim", textContent: value.more })] : [table];
}

/** Draw the table into `element`, again whenever the server sends another, and hand on what is chosen. */
export function mount(element, props, watch, trigger) {
  let own = null; // the value that this page made itself: drawing it again would take the focus away
  const draw = () => {
    if (JSON.stringify(props.value) !== own) element.replaceChildren(...drawTable(props.value));
  };
  element.addEventListener("change", (event) => {
    const at = event.target.closest("tr").rowIndex - 1;
    const rows = props.value.rows.map((row, place) =>
      place === at ? { ...row, told: event.target.value, is_sure: true } : row,
    );
    event.target.parentElement.querySelector(".import-unsure")?.remove();
    const value = { ...props.value, rows };
    own = JSON.stringify(value);
    props.value = value;
    trigger("input");
  });
  watch("value", draw);
  draw();
}
