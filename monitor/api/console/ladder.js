// The liquidation ladder: what a fall or a rise of the chosen instrument's mark makes liquidatable.
//
// A bar is a twentieth of the range that is shown. No rung within the range is wider, so bars are
// of one width and can be compared; a rung counts where it begins, seen from the mark.

import { clock, count, money, percent, price } from "./format.js";
import { find, make, setFlag, setText } from "./elements.js";

const ASK_MS = 2000;
const OLD_S = 30;
const RANGES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5];
const HEADLINE_MOVE = 0.05;
const SHOWN_SHARE = 0.95;
const BARS = 20;
const EDGE = { top: 22, bottom: 34, side: 12 };
const SIDES = { below: "longs", above: "shorts" };
const LEFT_OUT = {
  liquidatable: "liquidatable already", unknown: "with a missing price",
  exact_only: "with rules that no ladder can place",
};

const seen = { instrument: "", ladder: null, engineNs: 0, isAsking: false };

// Called at every step: asks for another instrument's ladder at once, else when it is time.
export function followLadder(instrument, engineNs) {
  seen.engineNs = engineNs;
  if (seen.instrument !== instrument) {
    Object.assign(seen, { instrument, ladder: null, isAsking: false });
    setText(find("ladder-title"), instrument ? `Liquidation ladder of ${instrument}`
      : "Liquidation ladder");
    say(instrument ? "Asking…" : "No instrument is listed.");
    ask();
  }
  showAge();
}

async function ask() {
  const { instrument } = seen;
  if (!instrument || seen.isAsking || document.hidden) return;
  seen.isAsking = true;
  try {
    const answer = await fetch(`/v1/instruments/${encodeURIComponent(instrument)}/ladder`);
    if (instrument !== seen.instrument) return;
    if (!answer.ok) throw new Error(refusal(answer.status));
    seen.ladder = await answer.json();
    if (instrument === seen.instrument) drawLadder();
  } catch (error) {
    // What was seen stays: its age says that it is old.
    if (instrument === seen.instrument && !seen.ladder) say(error.message);
  } finally {
    if (instrument === seen.instrument) seen.isAsking = false;
  }
}

function refusal(status) {
  if (status === 503) return "Not made yet: the first picture of the book is on its way.";
  return status === 404 ? "No such instrument is listed." : `It cannot be shown: ${status}.`;
}

function say(text) {
  find("ladder").replaceChildren(make("p", "empty", text));
  for (const side of Object.keys(SIDES)) find(`ladder-${side}`).replaceChildren();
  setText(find("ladder-left-out"), "");
  setText(find("ladder-aside"), "");
  find("ladder").setAttribute("aria-label", text);
}

function showAge() {
  const { ladder } = seen;
  if (!ladder) return;
  const age = (seen.engineNs - ladder.as_of_ns) / 1e9;
  setFlag(find("ladder-aside"), "old", age > OLD_S ? "yes" : "no");
  setText(find("ladder-aside"), `${age > OLD_S ? "old: " : ""}as of ${clock(ladder.as_of_ns)}`);
}

export function drawLadder() {
  const { ladder } = seen;
  if (!ladder) return;
  showAge();
  showLeftOut(ladder);
  const mark = Number(ladder.mark_price);
  const sides = Object.keys(SIDES).map((name) => ({ name, rungs: distances(ladder[name], mark) }));
  if (sides.every((side) => !side.rungs.length)) {
    for (const side of Object.keys(SIDES)) find(`ladder-${side}`).replaceChildren();
    const text = nothing(ladder);
    find("ladder").replaceChildren(make("p", "empty", text));
    find("ladder").setAttribute("aria-label", text);
    return;
  }
  const range = rangeOf(sides.flatMap((side) => side.rungs));
  for (const side of sides) {
    side.bars = barsOf(side.rungs, range);
    side.total = side.rungs.length ? side.rungs.at(-1).cumulative : 0;
    showHeadline(side, Math.min(HEADLINE_MOVE, range));
  }
  find("ladder").replaceChildren(picture(sides, range, mark));
  find("ladder").setAttribute("aria-label", sides.map((side) => sentence(side, range)).join("; "));
}

function nothing(ladder) {
  if (ladder.mark_price !== null) return "No price makes a position liquidatable.";
  return ladder.unknown.units ? "Its mark price is missing: nothing can be placed."
    : "Nobody holds it.";
}

function showLeftOut(ladder) {
  const parts = Object.entries(LEFT_OUT).filter(([name]) => ladder[name].units).map(
    ([name, words]) => {
      const { units, notional_usd: notional } = ladder[name];
      return `${count(units)} ${words}${notional === null ? "" : ` (${money(notional)} USD)`}`;
    });
  setText(find("ladder-left-out"),
    parts.length ? `Units not in the picture: ${parts.join(", ")}.` : "");
}

// Each rung by how far its near end is from the mark, as a share of the mark.
function distances(rungs, mark) {
  return rungs.map((rung) => ({
    near: Math.min(...[rung.price_from, rung.price_to].map((at) => Math.abs(at / mark - 1))),
    notional: Number(rung.notional_usd), cumulative: Number(rung.cumulative_usd),
    positions: rung.positions,
  }));
}

function within(rungs, range) {
  return rungs.filter((rung) => rung.near < range)
    .reduce((total, rung) => total + rung.notional, 0);
}

function rangeOf(rungs) {
  const wanted = SHOWN_SHARE * within(rungs, Infinity);
  return RANGES.find((range) => within(rungs, range) >= wanted) ?? RANGES.at(-1);
}

function barsOf(rungs, range) {
  const bars = Array.from({ length: BARS }, () => ({ notional: 0, positions: 0, cumulative: 0 }));
  for (const rung of rungs) {
    const bar = bars[Math.floor(rung.near / range * BARS)];
    if (!bar) continue;
    bar.notional += rung.notional;
    bar.positions += rung.positions;
  }
  let cumulative = 0;
  for (const bar of bars) bar.cumulative = cumulative += bar.notional;
  return bars;
}

function showHeadline(side, move) {
  const what = side.name === "below" ? "fall" : "rise";
  find(`ladder-${side.name}`).replaceChildren(
    `${what} of ${percent(move, 0)}: `,
    make("b", side.name, `${money(within(side.rungs, move))} USD`), ` of ${SIDES[side.name]}`);
}

function sentence(side, range) {
  return `${money(within(side.rungs, range))} USD of ${SIDES[side.name]} within ` +
    `${percent(range, 0)} ${side.name} the mark`;
}

// --- the picture -------------------------------------------------------------------------------

function shape(name, attributes, className = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (className) element.setAttribute("class", className);
  return element;
}

function label(text, x, y, anchor = "middle", className = "") {
  const element = shape("text", { x, y, "text-anchor": anchor }, className);
  element.textContent = text;
  return element;
}

function picture(sides, range, mark) {
  const host = find("ladder");
  const [width, height] = [host.clientWidth, host.clientHeight];
  const floor = height - EDGE.bottom;
  const half = width / 2 - EDGE.side;
  const tallest = Math.max(...sides.flatMap((side) => side.bars.map((bar) => bar.notional)), 1);
  const largest = Math.max(...sides.map((side) => side.bars.at(-1).cumulative), 1);
  const drawn = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  drawn.append(...grid(width, half, floor, range, mark));
  for (const side of sides) {
    const sign = side.name === "below" ? -1 : 1;
    const at = (share) => width / 2 + sign * half * share;
    const up = (share) => floor - (floor - EDGE.top) * share;
    const scale = { at, up, floor, tallest, range, mark };
    drawn.append(...side.bars.map((bar, index) => barShape(bar, index, side, scale)));
    drawn.append(totalLine(side, at, up, largest), ...totalLabel(side, at, up, largest));
    const highest = side.bars.findIndex((bar) => bar.notional === tallest);
    if (highest >= 0 && highest < BARS / 2) {
      drawn.append(label(money(tallest), at((highest + 0.5) / BARS), EDGE.top - 5));
    }
  }
  return drawn;
}

function grid(width, half, floor, range, mark) {
  const middle = width / 2;
  const shapes = [
    shape("line", { x1: 0, x2: width, y1: floor + 0.5, y2: floor + 0.5 }, "ground"),
    shape("line", { x1: middle, x2: middle, y1: EDGE.top - 6, y2: floor }, "at-mark"),
    label(`mark ${price(mark)}`, middle, floor + 28, "middle", "strong"),
  ];
  const shares = width < 560 ? [1] : [0.5, 1];
  for (const sign of [-1, 1]) {
    for (const share of shares) {
      const x = middle + sign * half * share;
      const anchor = share < 1 ? "middle" : sign < 0 ? "start" : "end";
      const move = range * share;
      shapes.push(
        shape("line", { x1: x, x2: x, y1: EDGE.top, y2: floor }, "tick"),
        label(`${sign < 0 ? "−" : "+"}${percent(move, move < 0.01 ? 1 : 0)}`, x, floor + 14, anchor),
        label(price(mark * (1 + sign * move)), x, floor + 28, anchor));
    }
  }
  return shapes;
}

function barShape(bar, index, side, scale) {
  const { at, up, floor, tallest, range, mark } = scale;
  const [near, far] = [at(index / BARS), at((index + 1) / BARS)];
  const top = bar.notional ? Math.min(up(bar.notional / tallest), floor - 1) : floor;
  const element = shape("rect", {
    x: Math.min(near, far) + 1, width: Math.max(1, Math.abs(far - near) - 2),
    y: top, height: floor - top,
  }, side.name);
  const sign = side.name === "below" ? -1 : 1;
  const [from, to] = [index, index + 1].map((edge) => price(mark * (1 + sign * range * edge / BARS)));
  const title = shape("title", {});
  title.textContent = `${from} to ${to}: ${money(bar.notional)} USD of ${SIDES[side.name]}, ` +
    `${count(bar.positions)} positions; ${money(bar.cumulative)} USD up to here`;
  element.append(title);
  return element;
}

// Steps away from the mark: what is liquidatable once the price is there.
function totalLine(side, at, up, largest) {
  const points = [[at(0), up(0)]];
  side.bars.forEach((bar, index) => {
    const height = up(bar.cumulative / largest);
    points.push([at(index / BARS), height], [at((index + 1) / BARS), height]);
  });
  return shape("polyline", { points: points.map((point) => point.join()).join(" ") }, "total");
}

function totalLabel(side, at, up, largest) {
  const inside = side.bars.at(-1).cumulative;
  if (!side.total) return [];
  const beyond = side.total - inside;
  const text = `${money(inside)} USD in all` +
    (beyond > 0.005 * side.total ? `, ${money(beyond)} beyond` : "");
  return [label(text, at(1), up(inside / largest) - 6, side.name === "below" ? "start" : "end",
    "strong")];
}

setInterval(ask, ASK_MS);
