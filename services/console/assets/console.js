// Nothing here is needed to read a page: times in the reader's zone, and pages that follow what happens.
"use strict";

const parts = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const thisYear = new Intl.DateTimeFormat(undefined, parts);
const anyYear = new Intl.DateTimeFormat(undefined, { year: "numeric", ...parts });

function localTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const utc = time.textContent;
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) {
      time.title = utc;
      time.textContent = (at.getFullYear() === new Date().getFullYear() ? thisYear : anyYear).format(at);
    }
  }
}

// What the reader is about to do is not taken away from them.
function isBusy(main) {
  const active = document.activeElement;
  return main.contains(active) && active.matches("input, select, textarea, button");
}

async function refresh(main) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) {
    location.reload();
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("main");
  localTimes(fresh);
  const open = [...main.querySelectorAll("details")].map((details) => details.open);
  main.replaceChildren(...fresh.childNodes);
  [...main.querySelectorAll("details")].forEach((details, n) => { details.open = open[n] ?? details.open; });
  main.dataset.live = fresh.dataset.live ?? "";
  document.title = page.title;
}

function follow(main) {
  if (!main.dataset.live) return;
  const events = new EventSource(main.dataset.live);
  let running = false;
  let again = false;
  const changed = async () => {
    if (running || isBusy(main)) {
      again = true;
      return;
    }
    running = true;
    try {
      await refresh(main);
    } finally {
      running = false;
    }
    if (!main.dataset.live) events.close();
    if (again) {
      again = false;
      changed();
    }
  };
  events.addEventListener("changed", changed);
  // Something may have changed since the page was written, or while there was no connection.
  events.addEventListener("open", () => {
    main.classList.remove("stale");
    changed();
  });
  // It connects again by itself; until then what is shown may be old.
  events.addEventListener("error", () => main.classList.add("stale"));
  main.addEventListener("focusout", () => setTimeout(() => { if (again) { again = false; changed(); } }, 0));
}

const main = document.getElementById("main");
localTimes(document);
follow(main);
