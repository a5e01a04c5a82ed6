// Asks an address now and then while somebody looks at the page.

// Returns what is called at every step: it asks again when it is time. `show` takes the answer,
// `miss` is called while there is none yet.
export function follow(path, askMs, show, miss = () => {}) {
  const seen = { isAsking: false, askedMs: 0 };
  return () => {
    const nowMs = performance.now();
    if (seen.isAsking || document.hidden || (seen.askedMs && nowMs - seen.askedMs < askMs)) return;
    seen.askedMs = nowMs;
    ask(seen, path, show, miss);
  };
}

async function ask(seen, path, show, miss) {
  seen.isAsking = true;
  try {
    const answer = await fetch(path);
    if (answer.ok) show(await answer.json());
    else miss();
  } catch {
    // The connection's own state is told in the head of the page.
  } finally {
    seen.isAsking = false;
  }
}
