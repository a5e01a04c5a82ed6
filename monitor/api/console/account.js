// The dialog of one account: everything the engine knows of it.

import { money, percent, price, words } from "./format.js";
import { fillList, find, make, row } from "./elements.js";

const FACTS = ["equity", "collateral_value", "initial_margin", "maintenance_margin",
  "free_collateral", "withdrawable"];

export async function openAccount(account) {
  const dialog = find("account-dialog");
  find("account-name").textContent = account;
  find("account-body").replaceChildren(make("p", "muted", "Asking…"));
  dialog.showModal();
  try {
    const answer = await fetch(`/v1/accounts/${encodeURIComponent(account)}`);
    if (!answer.ok) throw new Error(answer.status === 404 ? "nobody knows it" : `${answer.status}`);
    find("account-body").replaceChildren(...contents(await answer.json()));
  } catch (error) {
    find("account-body").replaceChildren(
      make("p", "muted", `The account cannot be shown: ${error.message}`));
  }
}

function contents(report) {
  const facts = make("dl", "facts");
  const add = (name, value) => {
    const pair = make("div");
    pair.append(make("dt", "", words(name)), make("dd", "", value));
    facts.append(pair);
  };
  add("state", [report.state, ...(report.flags ?? [])].map(words).join(", "));
  add("margin ratio", percent(report.margin_ratio));
  for (const name of FACTS) add(name, money(report[name]));
  const positions = report.positions ?? [];
  if (!positions.length) return [facts, make("p", "muted", "No position.")];
  return [facts, positionTable(positions)];
}

function positionTable(positions) {
  const table = make("table");
  const names = ["instrument", "size", "entry", "mark", "pnl", "liquidation"];
  const head = make("tr");
  names.forEach((name, index) => {
    const cell = make("th", index ? "number" : "", name);
    cell.scope = "col";
    head.append(cell);
  });
  const body = make("tbody");
  fillList(body, positions, row(["", ...Array(5).fill("number")]), (line, position) => {
    const values = [position.instrument, position.size, price(position.entry_price),
      price(position.mark_price), money(position.unrealized_pnl),
      price(position.liquidation_price)];
    values.forEach((value, index) => { line.children[index].textContent = value; });
  });
  const header = make("thead");
  header.append(head);
  table.append(header, body);
  const scroll = make("div", "scroll");
  scroll.append(table);
  return scroll;
}
