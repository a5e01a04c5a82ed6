// Four small charts with one cursor, drawn by uPlot.

import { clock, count, money, price } from "./format.js";
import { sumOf } from "./history.js";
import { find, setText } from "./elements.js";

const AT_RISK = ["margin_call", "liquidatable", "bankrupt"];
const SHORT = { margin_call: "called", liquidatable: "liquidatable", bankrupt: "bankrupt" };
const sync = { key: "past-minutes" };
let charts = {};
let tripSeconds = [];

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// 21:24, or 21:24:15 when the marks stand closer than a minute.
function timeMarks(_, splits) {
  const digits = splits.length > 1 && splits[1] - splits[0] < 60 ? 8 : 5;
  return splits.map((second) => clock(second * 1e9).slice(0, digits));
}

// How far apart marks must stand, in pixels: those with seconds are wider.
function timeSpace(_, __, low, high, width) {
  return (high - low) * 64 / width < 50 ? 64 : 44;
}

function axes(format) {
  const common = {
    stroke: color("--ink-soft"), font: "11px system-ui", gap: 5,
    grid: { stroke: color("--line"), width: 1 }, ticks: { show: false },
  };
  return [
    { ...common, size: 26, space: timeSpace, values: timeMarks },
    { ...common, size: 54, space: 34,
      values: (_, splits) => splits.map((value) => (value === null ? "" : format(value))) },
  ];
}

function line(label, name, filled) {
  return {
    label, stroke: color(name), width: 1.75, points: { show: false },
    fill: filled ? `${color(name)}${filled}` : undefined,
  };
}

// Dashed lines where a breaker tripped, so that the eye need not compare times.
function drawTrips(chart) {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.strokeStyle = color("--red");
  ctx.setLineDash([4, 3]);
  for (const second of tripSeconds) {
    if (second < chart.scales.x.min || second > chart.scales.x.max) continue;
    const x = Math.round(chart.valToPos(second, "x", true));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function newChart(id, series, format, range) {
  const host = find(id);
  const options = {
    width: host.clientWidth, height: host.clientHeight, pxAlign: false,
    tzDate: (second) => uPlot.tzDate(new Date(second * 1e3), "Etc/UTC"),
    legend: { show: false }, padding: [8, 8, 0, 0],
    cursor: { sync, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: range ? { range } : {} },
    axes: axes(format), series: [{}, ...series], hooks: { draw: [drawTrips], setCursor: [readAtCursor] },
  };
  host.replaceChildren();
  return new uPlot(options, [[], ...series.map(() => [])], host);
}

const fromZero = (_, low, high) => [Math.min(0, low ?? 0), Math.max(high ?? 0, 1) * 1.08];
const compactMoney = new Intl.NumberFormat("en-US", {
  notation: "compact", maximumSignificantDigits: 4,
});
const short = (value) => compactMoney.format(value);

export function buildCharts() {
  for (const chart of Object.values(charts)) chart.destroy();
  charts = {
    price: newChart("chart-price", [line("mark", "--accent", "14")], short),
    interest: newChart("chart-interest", [line("open interest", "--violet", "1c")], short, fromZero),
    fund: newChart("chart-fund", [line("fund", "--good", "22")], short, fromZero),
    accounts: newChart("chart-accounts", [
      line("margin call", "--amber", "38"), line("liquidatable", "--orange", "58"),
      line("bankrupt", "--red", "88"),
    ], short, fromZero),
  };
}

export function resizeCharts() {
  for (const chart of Object.values(charts)) {
    const host = chart.root.parentElement;
    chart.setSize({ width: host.clientWidth, height: host.clientHeight });
  }
}

// Stacked from the bottom: bankrupt, then liquidatable, then margin call on top.
function stacked(history) {
  const column = (state) => history.accounts[state] ?? history.seconds.map(() => 0);
  const [called, liquidatable, bankrupt] = AT_RISK.map(column);
  const two = liquidatable.map((value, index) => value + bankrupt[index]);
  return [called.map((value, index) => value + two[index]), two, bankrupt];
}

function last(column) {
  return column.length ? column[column.length - 1] : null;
}

export function drawCharts(history, instrument, trips) {
  tripSeconds = trips;
  const marks = history.mark_price[instrument] ?? history.seconds.map(() => null);
  const interest = history.open_interest_usd[instrument] ?? history.seconds.map(() => null);
  const fund = sumOf(history, "fund_balance_usd");
  const risk = stacked(history);
  charts.price.setData([history.seconds, marks]);
  charts.interest.setData([history.seconds, interest]);
  charts.fund.setData([history.seconds, fund]);
  charts.accounts.setData([history.seconds, ...risk]);
  for (const chart of Object.values(charts)) readAtCursor(chart);
  describe("chart-price", `Mark price of ${instrument}`, marks, price);
  describe("chart-interest", `Open interest of ${instrument} in USD`, interest, money);
  describe("chart-fund", "Insurance fund in USD", fund, money);
  describe("chart-accounts", "Accounts at risk", risk[0], count);
}

// The figures over a chart: those under the cursor with their time, else the newest.
function readAtCursor(chart) {
  const isPointed = chart.cursor.idx !== null && chart.cursor.idx !== undefined;
  const index = isPointed ? chart.cursor.idx : chart.data[0].length - 1;
  const at = isPointed ? `${clock(chart.data[0][index] * 1e9)}  ` : "";
  const value = (series) => chart.data[series]?.[index] ?? null;
  if (chart === charts.price) setText(find("now-price"), at + price(value(1)));
  if (chart === charts.interest) setText(find("now-interest"), at + money(value(1)));
  if (chart === charts.fund) setText(find("now-fund"), at + money(value(1)));
  if (chart !== charts.accounts) return;
  const counts = { margin_call: value(1) - value(2), liquidatable: value(2) - value(3),
    bankrupt: value(3) };
  for (const state of AT_RISK) {
    setText(find("now-accounts").querySelector(`.${state}`),
      `${count(counts[state])} ${SHORT[state]}`);
  }
}

function describe(id, what, column, format) {
  const known = column.filter((value) => value !== null);
  const text = known.length
    ? `${what}: now ${format(last(known))}, lowest ${format(Math.min(...known))}, ` +
      `highest ${format(Math.max(...known))} in the past minutes`
    : `${what}: nothing known yet`;
  if (find(id).getAttribute("aria-label") !== text) find(id).setAttribute("aria-label", text);
}
