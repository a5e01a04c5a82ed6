// One function a panel: from the newest state to what stands on the page.

import { clock, count, duration, money, percent, price, signedPercent, words } from "./format.js";
import { fallOver, sumOf } from "./history.js";
import { fillList, find, make, row, setFlag, setText } from "./elements.js";

const PACE_S = 15;
const LOWEST_LIMITS = new Set(["fund_below_mean", "fund_speed", "depth_collapse"]);
const STATES = ["bankrupt", "liquidatable", "margin_call", "unknown", "healthy"];
const CATEGORIES = {
  loss: /shortfall|fund|deleveraging|socialized|withdrawals|conservation/,
  breaker: /breaker/,
  account: /^account|liquidation/,
  data: /oracle|gap|margin_change/,
};
const SEVERE = /bankrupt|shortfall|drawn|deleveraging|socialized|tripped|conservation|gated/;
const GOOD = /recovered|rearmed|restored|credited|released/;

function tile(id, value, remark, mood) {
  const element = find(id);
  setText(element.querySelector("[data-field=value]"), value);
  setText(element.querySelector("[data-field=remark]"), remark);
  setFlag(element, "mood", mood);
  return element;
}

export function showTiles(state, history) {
  showFund(state, history);
  showAccountStates(state.status);
  const { status } = state;
  const shortfall = Number(status.margin_shortfall_usd);
  tile("tile-shortfall", `${money(shortfall)} USD`,
    "maintenance margin that equity does not cover", shortfall > 0 ? "watch" : "calm");
  const socialized = Number(status.socialized_loss_usd);
  tile("tile-socialized", `${money(socialized)} USD`,
    Number(status.shortfall_usd) > 0
      ? `of ${money(status.shortfall_usd)} USD shortfall since the start`
      : "no shortfall since the start",
    socialized > 0 ? "critical" : "calm");
  tile("tile-interest", `${money(status.open_interest_usd)} USD`,
    `${count(state.instruments_total)} instruments`, "calm");
}

function showFund(state, history) {
  if (!state.funds.length) {
    tile("tile-fund", "none", "no insurance fund is configured", "watch");
    return;
  }
  const known = state.funds.filter((fund) => fund.balance_usd !== null);
  const balance = known.reduce((total, fund) => total + Number(fund.balance_usd), 0);
  const peak = known.reduce((total, fund) => total + Number(fund.peak_usd ?? 0), 0);
  const left = peak > 0 ? balance / peak : 0;
  const each = known.length > 1
    ? ` · ${known.map((fund) => `${fund.fund} ${percent(fund.left_ratio, 0)}`).join(", ")}` : "";
  const remark = `${percent(left, 0)} of ${known.length > 1 ? "the" : "its"} peak; ` +
    drainWords(history, balance, peak) + each;
  const mood = left < 0.5 ? "critical" : left < 0.9 ? "watch" : "calm";
  const element = tile("tile-fund", `${money(balance)} USD`, remark, mood);
  const gauge = element.querySelector(".gauge");
  gauge.setAttribute("aria-valuenow", String(Math.round(left * 100)));
  gauge.firstElementChild.style.width = `${Math.min(100, Math.max(0, left * 100))}%`;
}

// What the fund lost lately, and how long it lasts if the last seconds go on.
function drainWords(history, balance, peak) {
  if (balance <= 0) return "empty";
  const column = sumOf(history, "fund_balance_usd");
  const drained = fallOver(history.seconds, column, 60);
  const now = fallOver(history.seconds, column, PACE_S);
  const noise = peak / 1000;
  if (now > noise) {
    return `drained ${money(drained)} in the last minute, ` +
      `empty in ${duration(balance / now * PACE_S)} at this pace`;
  }
  return drained > noise ? `drained ${money(drained)} in the last minute, now steady` : "steady";
}

function showAccountStates(status) {
  const total = STATES.reduce((sum, name) => sum + (status.accounts[name] ?? 0), 0);
  const under = (status.accounts.bankrupt ?? 0) + (status.accounts.liquidatable ?? 0);
  const parts = STATES.filter((name) => status.accounts[name])
    .map((name) => `${count(status.accounts[name])} ${words(name)}`);
  const mood = status.accounts.bankrupt ? "critical" : under ? "watch" : "calm";
  tile("tile-accounts", count(under), parts.join(" · ") || "no accounts yet", mood);
  const stack = find("states");
  stack.setAttribute("aria-label", `Accounts by state: ${parts.join(", ")}`);
  fillList(stack, STATES, () => make("span"), (element, name) => {
    setFlag(element, "state", name);
    const share = total ? (status.accounts[name] ?? 0) / total : 0;
    element.style.flexGrow = String(share);
    element.hidden = share === 0;
  });
}

const FOLLOWING = {
  waiting: "waiting for the venue",
  followed: "the venue has followed",
  not_followed: "the venue has not followed",
};

export function showBreakers(state) {
  const tripped = state.breakers.filter((one) => one.state === "tripped").length;
  setText(find("breakers-aside"), state.breakers_total
    ? `${count(state.breakers_total)} watched${tripped ? `, ${tripped} tripped` : ", none tripped"}`
    : "");
  if (!state.breakers.length) {
    find("breakers").replaceChildren(make("li", "empty", "No breaker is configured."));
    return;
  }
  find("breakers").querySelector(".empty")?.remove();
  fillList(find("breakers"), state.breakers, newBreaker, fillBreaker);
}

function newBreaker() {
  const item = make("li");
  const head = make("div", "breaker-head");
  head.append(make("strong"), make("span", "muted"), make("span", "pill"));
  const gauge = make("div", "gauge");
  gauge.setAttribute("role", "meter");
  gauge.setAttribute("aria-valuemin", "0");
  gauge.setAttribute("aria-valuemax", "100");
  gauge.append(make("span"));
  item.append(head, gauge, make("p", "remark"));
  return item;
}

function fillBreaker(item, breaker) {
  const [scope, name, pill] = item.querySelector(".breaker-head").children;
  setText(scope, breaker.scope);
  setText(name, breaker.breaker);
  setText(pill, breaker.state);
  setFlag(item, "state", breaker.state);
  const used = Number(breaker.limit_used_ratio ?? 0);
  setFlag(item, "near", used >= 0.8 ? "yes" : "no");
  const gauge = item.querySelector(".gauge");
  gauge.firstElementChild.style.width = `${Math.min(100, used * 100)}%`;
  gauge.setAttribute("aria-valuenow", String(Math.min(100, Math.round(used * 100))));
  gauge.setAttribute("aria-label", `${breaker.breaker} on ${breaker.scope}, share of its limit`);
  const below = LOWEST_LIMITS.has(breaker.kind) ? "lowest" : "of";
  const measured = `measured ${inUnit(breaker.measured, breaker.unit)}`
    + ` ${below} ${inUnit(breaker.limit, breaker.unit)}`;
  const times = breaker.extended === 1 ? "once" : `${breaker.extended} times`;
  const extended = breaker.extended ? `, extended ${times}` : "";
  const since = breaker.state === "armed" ? "" :
    ` · ${words(breaker.action)} since ${clock(breaker.changed_ns)}${extended}`;
  const following = breaker.following ? ` · ${FOLLOWING[breaker.following]}` : "";
  const degraded = breaker.degraded_since_ns === null ? "" :
    ` · degraded: no mark since ${clock(breaker.degraded_since_ns)}`;
  const trial = breaker.dry_run ? " · on trial" : "";
  setText(item.querySelector(".remark"), measured + since + trial + following + degraded);
}

function inUnit(value, unit) {
  if (unit === "ratio") return percent(value, 2);
  if (unit === "count") return count(value);
  return unit === "s" ? `${value} s` : money(value);
}

export function showDecisions(decisions, filter) {
  const shown = decisions.filter((one) => filter === "all" || CATEGORIES[filter].test(one.kind));
  const list = find("decisions");
  if (!shown.length) {
    list.replaceChildren(make("li", "empty", "No decision yet."));
    return;
  }
  list.querySelector(".empty")?.remove();
  fillList(list, shown, newDecision, (item, decision) => {
    const [time, text] = item.children;
    setText(time, clock(decision.event_ns));
    setText(text, decision.text);
    setFlag(item, "mood", SEVERE.test(decision.kind) ? "critical"
      : GOOD.test(decision.kind) ? "calm" : "watch");
    item.title = `${words(decision.kind)}: ${count(decision.count)}, number ${decision.number}`;
  });
}

function newDecision() {
  const item = make("li");
  item.append(make("time"), make("span"));
  return item;
}

export function showAccounts(state, open) {
  const rows = find("account-rows");
  fillList(rows, state.worst, () => newAccount(open), fillAccount);
}

function newAccount(open) {
  const line = row(["", "", "number", "number", "number wide", "number wide"])();
  const button = make("button", "link");
  button.type = "button";
  button.addEventListener("click", () => open(button.textContent));
  line.children[0].append(button);
  line.children[1].append(make("span", "pill"));
  return line;
}

function fillAccount(line, account) {
  const cells = line.children;
  setFlag(line, "state", account.state);
  setText(cells[0].firstElementChild, account.account);
  const flags = account.flags.length ? `, ${account.flags.map(words).join(", ")}` : "";
  setText(cells[1].firstElementChild, words(account.state) + flags);
  setText(cells[2], account.margin_ratio === null && Number(account.equity) <= 0
    ? "no equity" : percent(account.margin_ratio, 0));
  setText(cells[3], money(account.equity));
  setText(cells[4], money(account.maintenance_margin));
  setText(cells[5], money(account.margin_shortfall));
}

export function showInstruments(state) {
  const more = state.instruments_total - state.instruments.length;
  setText(find("instruments-aside"), more > 0 ? `the largest; ${count(more)} more` : "");
  fillList(find("instrument-rows"), state.instruments,
    row(["", "number", "number", "number", ""]), (line, one) => {
      const cells = line.children;
      setText(cells[0], one.instrument);
      setText(cells[1], price(one.mark_price));
      setText(cells[2], signedPercent(one.mark_index_deviation_ratio));
      setText(cells[3], money(one.open_interest_usd));
      setText(cells[4], words(one.status));
      setFlag(cells[4], "status", one.status);
    });
}

export function showService(state) {
  const { service } = state.status;
  setText(find("service-aside"), `version ${service.version}, epoch ${service.epoch}`);
  const checks = [
    ...service.checks.map((check) => ({
      name: words(check.name), ok: check.ok, detail: check.detail || (check.ok ? "works" : "fails"),
    })),
    ...state.feeds.map((feed) => ({
      name: `feed ${feed.feed}`, ok: !feed.lost,
      detail: feed.lost ? `lost since ${clock(feed.changed_ns)}` : "connected",
    })),
    ...state.oracles.map((oracle) => ({
      name: `${oracle.oracle}, ${oracle.index}`, ok: oracle.validity === "valid",
      detail: oracle.validity === "valid" ? `${signedPercent(oracle.deviation_ratio)} to the index`
        : `${words(oracle.reason)}, ${signedPercent(oracle.deviation_ratio)} to the index`,
    })),
    { name: "inbox", ok: service.inbox_depth_events < 0.8 * service.inbox_capacity_events ||
        service.inbox_capacity_events === 0,
      detail: `${count(service.inbox_depth_events)} of ${count(service.inbox_capacity_events)}` },
  ];
  fillList(find("checks"), checks, () => {
    const item = make("li");
    item.append(make("span", "mark"), make("strong"), make("span", "muted"));
    return item;
  }, (item, check) => {
    setFlag(item, "ok", check.ok ? "yes" : "no");
    setText(item.children[0], check.ok ? "✓" : "✕");
    setText(item.children[1], check.name);
    setText(item.children[2], check.detail);
  });
}
