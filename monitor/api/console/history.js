// The past minutes, column by column, as the server keeps them; bounded like there.

const POINTS_MAX = 900;
const START_POINTS = 30;
const JUMP_S = 3600;
const GROUPS = ["mark_price", "open_interest_usd", "fund_balance_usd", "accounts"];

export function emptyHistory() {
  return { seconds: [], mark_price: {}, open_interest_usd: {}, fund_balance_usd: {}, accounts: {} };
}

export function appendHistory(history, added) {
  if (!added.seconds.length) return;
  const before = history.seconds.length;
  history.seconds.push(...added.seconds);
  for (const group of GROUPS) {
    const names = new Set([...Object.keys(history[group]), ...Object.keys(added[group])]);
    for (const name of names) {
      const column = history[group][name] ??= Array(before).fill(null);
      column.push(...(added[group][name] ?? Array(added.seconds.length).fill(null)));
    }
  }
  const surplus = Math.max(history.seconds.length - POINTS_MAX, pointsBeforeJump(history.seconds));
  if (surplus <= 0) return;
  history.seconds.splice(0, surplus);
  for (const group of GROUPS) {
    for (const column of Object.values(history[group])) column.splice(0, surplus);
  }
}

// At its start a monitor reads old definitions: points an hour and more before the rest would
// press the present into one line.
function pointsBeforeJump(seconds) {
  for (let index = Math.min(seconds.length - 1, START_POINTS); index > 0; index -= 1) {
    if (seconds[index] - seconds[index - 1] > JUMP_S) return index;
  }
  return 0;
}

// The sum over all columns of a group at each moment; null where nothing was known.
export function sumOf(history, group) {
  const columns = Object.values(history[group]);
  return history.seconds.map((_, index) => {
    const known = columns.map((column) => column[index]).filter((value) => value !== null);
    return known.length ? known.reduce((total, value) => total + value, 0) : null;
  });
}

// How much a column fell over the last `span` seconds of engine time; 0 if it did not.
export function fallOver(seconds, column, span) {
  const last = seconds.length - 1;
  if (last < 1 || column[last] === null) return 0;
  let first = last;
  while (first > 0 && seconds[first] > seconds[last] - span) first -= 1;
  return column[first] === null ? 0 : Math.max(0, column[first] - column[last]);
}
