// What may be socialized: how likely each insurance fund is exhausted, and what it could not pay.

import { fillList, find, make, setFlag, setText } from "./elements.js";
import { money, percent } from "./format.js";
import { follow } from "./polling.js";

const ASK_MS = 10000;
const SHOWN = 5;
const LIKELY = 0.05; // of a day
const WORST = 0; // of the confidences: 99 %

export const followLossAtRisk = follow("/v1/loss-at-risk", ASK_MS, showLossAtRisk,
  () => setText(find("risk-verdict"), "Not worked out yet: it follows the first pictures."));

function showLossAtRisk(told) {
  const worst = Math.max(...told.funds.map((fund) => chance(fund.horizons.at(-1))));
  setText(find("risk-verdict"), told.sentence);
  setFlag(find("risk-verdict"), "mood", worst > LIKELY ? "watch" : "calm");
  const [first] = told.funds[0].contributions;
  setText(find("risk-aside"), first
    ? `${percent(first.share, 0)} of it begins in ${first.instrument}` : "");
  fillList(find("risk-rows"), told.funds.slice(0, SHOWN), makeRow, fillRow);
}

function makeRow() {
  const line = make("tr");
  const name = make("th");
  name.scope = "row";
  const bars = make("td", "distance");
  bars.append(make("span", "cascade"));
  line.append(name, bars, ...Array.from({ length: 4 }, () => make("td", "number")));
  return line;
}

function fillRow(line, fund) {
  const [name, bars, ...numbers] = line.children;
  const day = fund.horizons.at(-1);
  setText(name, fund.fund ?? "any fund");
  bars.firstElementChild.style.width = `${(100 * chance(day)).toFixed(1)}%`;
  setFlag(bars, "mood", chance(day) > LIKELY ? "watch" : "calm");
  fund.horizons.forEach((horizon, place) => setText(numbers[place], likely(chance(horizon))));
  const { expected_shortfall_usd: amount, error_usd: error } = day.uncovered[WORST];
  setText(numbers.at(-1), `${money(amount)} ± ${money(error)}`);
}

function chance(horizon) {
  return Number(horizon.depletion_probability);
}

function likely(probability) {
  return probability && probability < 0.001 ? "< 0.1 %" : percent(probability, 1);
}
