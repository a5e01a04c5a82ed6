// Numbers and times for people. Everything the API sends is a decimal string or null.

const MISSING = "–";

const compact = new Intl.NumberFormat("en-US", {
  notation: "compact", minimumFractionDigits: 2, maximumFractionDigits: 2,
});
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function count(value) {
  return whole.format(Number(value ?? 0));
}

export function money(value) {
  if (value === null || value === undefined) return MISSING;
  const number = Number(value);
  if (Math.abs(number) < 0.005) return "0"; // also what would be rounded to -0
  if (Math.abs(number) >= 1e6) return compact.format(number);
  return number.toLocaleString("en-US", { maximumFractionDigits: Math.abs(number) < 100 ? 2 : 0 });
}

export function price(value) {
  if (value === null || value === undefined) return MISSING;
  const number = Number(value);
  const digits = number >= 10_000 ? 1 : number >= 100 ? 2 : number >= 1 ? 4 : 6;
  return number.toLocaleString("en-US", {
    minimumFractionDigits: digits, maximumFractionDigits: digits,
  });
}

export function percent(ratio, digits = 1) {
  if (ratio === null || ratio === undefined) return MISSING;
  return `${(Number(ratio) * 100).toFixed(digits)} %`;
}

export function signedPercent(ratio) {
  if (ratio === null || ratio === undefined) return MISSING;
  const number = Number(ratio) * 100;
  return `${number >= 0 ? "+" : "−"}${Math.abs(number).toFixed(2)} %`;
}

// 1760131462000000000 -> "21:24:22"; the API's nanoseconds lose less than a microsecond here.
export function clock(ns) {
  return ns ? new Date(Number(ns) / 1e6).toISOString().slice(11, 19) : MISSING;
}

export function day(ns) {
  return ns ? new Date(Number(ns) / 1e6).toISOString().slice(0, 10) : MISSING;
}

export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function words(name) {
  return String(name).replaceAll("_", " ");
}
