// The next funding payment: what it takes, and whom it makes liquidatable.

import { count, money, percent } from "./format.js";
import { fillList, find, row, setFlag, setText } from "./elements.js";
import { follow } from "./polling.js";

const ASK_MS = 10000;
const SHOWN = 5;

export const followFunding = follow("/v1/funding", ASK_MS, showFunding,
  () => setText(find("funding-verdict"), "Not worked out yet: it follows the first pictures."));

function showFunding(told) {
  setText(find("funding-verdict"), told.sentence);
  setFlag(find("funding-verdict"), "mood", told.pushed_accounts ? "watch" : "calm");
  setText(find("funding-aside"), told.unsure_accounts
    ? `${count(told.unsure_accounts)} accounts cannot be judged` : "");
  fillList(find("funding-rows"), told.instruments.slice(0, SHOWN),
    row(["", "number", "number", "number", "number"]), fillRow);
}

function fillRow(line, one) {
  const [instrument, rate, payment, pushed, carry] = line.children;
  setText(instrument, one.instrument);
  setText(rate, `${percent(one.rate, 4)} by ${one.payer}s`);
  setText(payment, money(one.payment_usd));
  setText(pushed, `${count(one.pushed_accounts)} (${money(one.pushed_notional_usd)})`);
  setText(carry, one.carry_ratio[0] === null ? "no margin" : percent(one.carry_ratio[0], 1));
}
