// Shadow deleveraging: who would pay if the worst accounts of a side went bankrupt now, under the
// venue's rule and under every other one.

import { find, fillList, make, row, setFlag, setText } from "./elements.js";
import { clock, count, money, percent } from "./format.js";

const ASK_MS = 5000;
const OLD_S = 60;
const ALL = "";
const CELLS = ["", "number", "number", "number", "number wide", "number wide", "wide"];

const seen = { engineNs: 0, askedAt: -ASK_MS, isAsking: false, venue: null, side: null };

// Called at every step: asks again when it is time.
export function followShadow(engineNs) {
  seen.engineNs = engineNs;
  if (performance.now() - seen.askedAt >= ASK_MS) ask();
  showAge();
}

async function ask() {
  if (seen.isAsking || document.hidden) return;
  seen.isAsking = true;
  seen.askedAt = performance.now();
  try {
    seen.venue = await answerOf("/v1/shadow");
    offerSides();
    const chosen = find("shadow-side").value;
    seen.side = chosen === ALL ? null : await answerOf(`/v1/shadow/${chosen}`);
    draw();
  } catch (error) {
    // What was seen stays: its age says that it is old.
    if (!seen.venue) setText(find("shadow-sentence"), error.message);
  } finally {
    seen.isAsking = false;
  }
}

async function answerOf(path) {
  const answer = await fetch(path);
  if (answer.ok) return answer.json();
  if (answer.status === 503) throw new Error("Not worked out yet: it follows the first pictures.");
  throw new Error(`It cannot be shown: ${answer.status}.`);
}

// The worst sides of the venue, least feasible first; the first one until somebody chooses.
function offerSides() {
  const select = find("shadow-side");
  const before = select.value;
  const options = seen.venue.sides.map((side) => new Option(
    `${side.instrument} ${side.side}s (feasible ${percent(side.feasible_ratio, 0)})`,
    `${encodeURIComponent(side.instrument)}/${side.side}`));
  select.replaceChildren(...options, new Option("all sides together", ALL));
  if ([...select.options].some((option) => option.value === before)) select.value = before;
  if (!select.dataset.chosen && options.length) select.value = options[0].value;
}

function draw() {
  const { venue, side } = seen;
  const told = side ?? venue;
  setText(find("shadow-sentence"), told.sentence);
  const facts = side
    ? `${count(side.side.accounts)} ${side.side.side}s would be bankrupt after a move of ` +
      `${percent(side.side.move_ratio)} against them, and then owe ` +
      `${money(side.side.needed_usd)} USD; ${percent(side.side.feasible_ratio, 0)} of their size ` +
      `finds solvent counterparties.`
    : `All sides, each on its own, would need ${money(venue.needed_usd)} USD.`;
  setText(find("shadow-facts"), facts);
  const plans = side ? side.side.plans : venue.totals;
  showPlans(plans, told);
  const pair = [told.configured, told.best].filter((name, at, all) => all.indexOf(name) === at);
  const shown = pair.map((name) => plans.find((plan) => plan.policy === name))
    .filter((plan) => plan?.payers.length);
  find("shadow-payers").replaceChildren(...shown.map((plan) => payersOf(plan, told)));
  showAge();
}

function showPlans(plans, told) {
  const ordered = [...plans].sort((one, other) => fraction(one) - fraction(other));
  fillList(find("shadow-rows"), ordered, row(CELLS), (line, plan) => {
    const marks = [plan.policy === told.configured ? "the venue's" : "",
      plan.policy === told.best ? "best" : ""].filter(Boolean).join(", ");
    setFlag(line, "rule", marks ? "told" : "");
    const overshoot = plan.overshoot_usd.findLast((each) => each !== null) ?? null;
    const texts = [
      marks ? `${plan.policy} (${marks})` : plan.policy, money(plan.collected_usd),
      plan.equity_fraction_mean === null ? "more than all" : percent(plan.equity_fraction_mean),
      count(plan.accounts_touched), count(plan.hedges_broken), money(overshoot),
    ];
    texts.forEach((text, index) => setText(line.children[index], text));
    showOverlap(line.lastElementChild, plan.overlap_ratio);
  });
}

function fraction(plan) {
  return plan.equity_fraction_mean === null ? Infinity : Number(plan.equity_fraction_mean);
}

function showOverlap(cell, ratio) {
  if (!cell.firstElementChild) cell.append(make("span", "overlap"));
  const bar = cell.firstElementChild;
  bar.hidden = ratio === null;
  bar.style.setProperty("--share", `${100 * Number(ratio ?? 0)}%`);
  bar.title = `${percent(ratio, 0)} of the accounts are those of the venue's rule`;
}

// Sorted bars: the width is equity before, the dark part what is taken of it.
function payersOf(plan, told) {
  const figure = make("figure");
  const title = plan.policy === told.configured ? "the venue's rule" : "the best one";
  figure.append(make("figcaption", "", `Who pays most under ${plan.policy}, ${title}`));
  const list = make("ol", "payer-list");
  const widest = Math.max(...plan.payers.map((payer) => Number(payer.equity_before_usd)), 1e-9);
  for (const payer of plan.payers) {
    const before = Math.max(0, Number(payer.equity_before_usd));
    const taken = Number(payer.amount_usd);
    const line = make("li");
    const bar = make("span", "equity");
    bar.style.setProperty("--before", `${100 * before / widest}%`);
    bar.style.setProperty("--taken", `${before > 0 ? Math.min(100, 100 * taken / before) : 100}%`);
    line.append(make("b", "", payer.account), bar, make("span", "taken",
      `${money(payer.amount_usd)} of ${money(payer.equity_before_usd)}`));
    list.append(line);
  }
  figure.append(list);
  return figure;
}

function showAge() {
  if (!seen.venue) return;
  const age = (seen.engineNs - seen.venue.as_of_ns) / 1e9;
  setFlag(find("shadow-aside"), "old", age > OLD_S ? "yes" : "no");
  const prefix = age > OLD_S ? "old: " : "";
  setText(find("shadow-aside"), `${prefix}as of ${clock(seen.venue.as_of_ns)}`);
}

find("shadow-side").addEventListener("change", () => {
  find("shadow-side").dataset.chosen = "yes";
  ask();
});
