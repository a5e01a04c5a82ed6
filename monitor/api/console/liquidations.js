// The exchange's liquidation engine: does it keep up, and what do its liquidations cost.

import { count, duration, money, percent } from "./format.js";
import { fillList, find, row, setFlag, setText } from "./elements.js";
import { follow } from "./polling.js";

const ASK_MS = 2000;
const SHOWN = 5;

export const followLiquidations = follow("/v1/liquidations", ASK_MS, showLiquidations);

function showLiquidations(told) {
  const { verdict, mood } = judge(told);
  setText(find("liquidations-verdict"), verdict);
  setFlag(find("liquidations-verdict"), "mood", mood);
  setText(find("liquidations-aside"), `${count(told.under_way)} under way`);
  setText(find("liquidations-pace"), paceWords(told.paces));
  fillList(find("liquidation-rows"), told.worst.slice(0, SHOWN),
    row(["", "", "number", "number", "number"]), fillRow);
}

// One sentence: what an operator must know first.
function judge(told) {
  const units = told.waiting.reduce((sum, one) => sum + one.units, 0);
  const worth = told.waiting.reduce((sum, one) => sum + Number(one.notional_usd), 0);
  const longest = told.oldest_waits_since_ns === null ? 0
    : Math.max(0, (told.as_of_ns - told.oldest_waits_since_ns) / 1e9);
  const waits = `${count(units)} wait (${money(worth)} USD), the longest ${duration(longest)}`;
  if (told.engine_is_silent) return { verdict: `Silent: ${waits}`, mood: "critical" };
  if (told.overdue) {
    return { verdict: `${count(told.overdue)} overdue: ${waits}`, mood: "critical" };
  }
  if (told.backlog_is_growing) return { verdict: `Falling behind: ${waits}`, mood: "critical" };
  if (units) return { verdict: waits, mood: "watch" };
  return { verdict: "Keeping up: nothing waits", mood: "calm" };
}

function paceWords(paces) {
  const known = paces.filter((one) => one.of_safe_ratio !== null);
  if (!known.length) {
    return paces.length ? "No fresh depth to hold the pace against." : "No liquidation lately.";
  }
  const fastest = known.reduce((one, other) =>
    Number(other.of_safe_ratio) > Number(one.of_safe_ratio) ? other : one);
  return `Fastest: ${fastest.instrument}, ${Number(fastest.of_safe_ratio).toFixed(1)} times the ` +
    `safe pace, ${percent(fastest.of_volume_ratio)} of the volume.`;
}

function fillRow(line, one) {
  const [account, instrument, cost, ratio, beyond] = line.children;
  setText(account, one.account);
  setText(instrument, one.instrument);
  setText(cost, money(one.cost_usd));
  setText(ratio, percent(one.cost_ratio, 2));
  setText(beyond, money(one.beyond_ideal_usd));
}

