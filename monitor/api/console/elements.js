// The few things done to the page. Text goes in as text, never as HTML: names come from outside.

export function find(id) {
  return document.getElementById(id);
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setFlag(element, name, value) {
  if (element.dataset[name] !== value) element.dataset[name] = value;
}

export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

// One child a record: existing children are filled again, so focus and selection stay.
export function fillList(parent, records, create, fill) {
  while (parent.children.length > records.length) parent.lastElementChild.remove();
  records.forEach((record, index) => {
    let child = parent.children[index];
    if (!child) {
      child = create();
      parent.append(child);
    }
    fill(child, record);
  });
}

export function row(cells) {
  return () => {
    const line = make("tr");
    cells.forEach((className, index) => {
      const cell = make(index === 0 ? "th" : "td", className);
      if (index === 0) cell.scope = "row";
      line.append(cell);
    });
    return line;
  };
}
