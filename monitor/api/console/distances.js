// How far each side is from a socialized loss: a bar that is full when a move of 0 is enough.

import { fillList, find, make, setFlag, setText } from "./elements.js";
import { percent } from "./format.js";
import { follow } from "./polling.js";

const ASK_MS = 10000;
const SHOWN = 6;
const FAR = 0.5; // moves beyond this have no bar
const NEAR = 0.1;

export const followDistances = follow("/v1/distances", ASK_MS, showDistances,
  () => setText(find("distances-verdict"), "Not worked out yet: it follows the first pictures."));

function showDistances(told) {
  const nearest = told.sides.find((one) => one.cascade_ratio !== null);
  setText(find("distances-verdict"), told.sentence);
  setFlag(find("distances-verdict"), "mood",
    nearest && Number(nearest.cascade_ratio) < NEAR ? "watch" : "calm");
  fillList(find("distances-rows"), told.sides.slice(0, SHOWN), makeRow, fillRow);
}

function makeRow() {
  const line = make("tr");
  const name = make("th");
  name.scope = "row";
  const bars = make("td", "distance");
  bars.append(make("span", "cascade"));
  line.append(name, bars, make("td", "number"), make("td", "number"), make("td", "number"));
  return line;
}

function fillRow(line, one) {
  const [name, bars, cascade, alone, reproduction] = line.children;
  const far = one.cascade_ratio === null ? FAR : Math.min(FAR, Number(one.cascade_ratio));
  setText(name, `${one.instrument} ${one.side}`);
  bars.firstElementChild.style.width = `${(100 * (1 - far / FAR)).toFixed(1)}%`;
  setFlag(bars, "mood", far < NEAR ? "watch" : "calm");
  setText(cascade, told(one.cascade_ratio));
  setText(alone, told(one.first_round_ratio));
  setText(reproduction, Number(one.reproduction_ratio).toFixed(2));
}

function told(ratio) {
  return ratio === null ? "none" : percent(ratio, 2);
}
