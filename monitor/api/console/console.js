// The console: follows /v1/stream, keeps the past minutes, and says when what it shows is old.

import { openAccount } from "./account.js";
import { buildCharts, drawCharts, resizeCharts } from "./charts.js";
import { followDistances } from "./distances.js";
import { find, setFlag, setText } from "./elements.js";
import { clock, day } from "./format.js";
import { followFunding } from "./funding.js";
import { appendHistory, emptyHistory } from "./history.js";
import { drawLadder, followLadder } from "./ladder.js";
import { followLiquidations } from "./liquidations.js";
import { followLossAtRisk } from "./loss_at_risk.js";
import { followShadow } from "./shadow.js";
import {
  showAccounts, showBreakers, showDecisions, showInstruments, showService, showTiles,
} from "./panels.js";

const DECISIONS_KEPT = 100;
const TRIPS_KEPT = 100;
const SILENCE_MS = 4000;
const RETRY_MS = 2000;
const LAMPS = { calm: "#2f9e66", watch: "#d9940b", critical: "#d64545", blind: "#7b8794" };

const seen = { state: null, history: emptyHistory(), decisions: [], trips: [], heardAt: 0 };
let stream = null;

function connect() {
  stream?.close();
  stream = new EventSource("/v1/stream");
  stream.addEventListener("hello", (event) => {
    const hello = JSON.parse(event.data);
    seen.history = emptyHistory();
    seen.decisions = [];
    seen.trips = [];
    take(hello);
    buildCharts();
    show();
  });
  stream.addEventListener("step", (event) => {
    take(JSON.parse(event.data));
    show();
  });
  stream.addEventListener("error", () => {
    setConnection("lost");
    if (stream.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
  });
}

function take(message) {
  seen.state = message.state;
  seen.heardAt = performance.now();
  appendHistory(seen.history, message.history);
  seen.decisions = [...message.decisions, ...seen.decisions].slice(0, DECISIONS_KEPT);
  seen.trips = [...seen.trips, ...message.breaker_trips_ns.map((ns) => ns / 1e9)]
    .slice(-TRIPS_KEPT);
  setConnection("live");
}

function setConnection(connection) {
  setFlag(document.body, "connection", connection);
  setText(find("connection"), connection);
  const notice = find("notice");
  notice.hidden = connection === "live";
  if (connection === "live" || !seen.state) return;
  setText(notice, `No word from the monitor: these figures are of ` +
    `${clock(seen.state.status.now_ns)} UTC and may be wrong now. Trying again…`);
}

function show() {
  if (!seen.state) return;
  showCondition(seen.state.status);
  showTiles(seen.state, seen.history);
  showBreakers(seen.state);
  followLiquidations();
  showDecisions(seen.decisions, find("decision-filter").value);
  showAccounts(seen.state, openAccount);
  showInstruments(seen.state);
  showService(seen.state);
  drawCharts(seen.history, chosenInstrument(), seen.trips);
  followLadder(chosenInstrument(), seen.state.status.engine_ns);
  if (chosenInstrument()) {
    followShadow(seen.state.status.engine_ns);
    followFunding();
    followDistances();
    followLossAtRisk();
  }
}

function showCondition(status) {
  const { level, sentence } = status.condition;
  if (document.body.dataset.level !== level) {
    setText(find("announcement"), `${level}: ${sentence}`);
    const dot = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>` +
      `<circle cx='8' cy='8' r='7' fill='${LAMPS[level]}'/></svg>`;
    find("icon").href = `data:image/svg+xml,${encodeURIComponent(dot)}`;
  }
  setFlag(document.body, "level", level);
  setText(find("level"), level);
  setText(find("sentence"), sentence);
  setText(find("engine-time"), `${day(status.engine_ns)} ${clock(status.engine_ns)} UTC`);
  document.title = `${level}: ${sentence}`;
}

// The choice of the person at the desk; the largest instrument until there is one.
function chosenInstrument() {
  const select = find("instrument");
  const names = Object.keys(seen.history.mark_price);
  const known = [...select.options].map((option) => option.value);
  if (names.length !== known.length || names.some((name) => !known.includes(name))) {
    const before = select.value;
    const ordered = [
      ...seen.state.instruments.map((one) => one.instrument).filter((one) => names.includes(one)),
    ];
    ordered.push(...names.filter((name) => !ordered.includes(name)));
    select.replaceChildren(...ordered.map((name) => new Option(name, name)));
    if (names.includes(before)) select.value = before;
  }
  return select.value;
}

function watchSilence() {
  const isSilent = performance.now() - seen.heardAt > SILENCE_MS;
  if (isSilent && document.body.dataset.connection === "live") setConnection("stale");
}

find("instrument").addEventListener("change", show);
find("decision-filter").addEventListener("change", show);
window.addEventListener("resize", () => {
  resizeCharts();
  drawLadder();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  buildCharts();
  show();
});
setInterval(watchSilence, 1000);
connect();
