// Nothing here is needed to read a page: times in the reader's zone, and pages that follow what happens.
"use strict";

const parts = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const thisYear = new Intl.DateTimeFormat(undefined, parts);
const anyYear = new Intl.DateTimeFormat(undefined, { year: "numeric", ...parts });
const zone = thisYear.resolvedOptions().timeZone;
const isUtc = ["UTC", "Etc/UTC", "GMT"].includes(zone);

// A browser may keep nothing.
function kept(name, value) {
  try {
    if (value !== undefined) localStorage.setItem(name, value);
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}
let inUtc = kept("times") === "utc";

// Each in the zone that is wished for, and in the other at hand.
function showTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.valueOf())) continue;
    time.dataset.utc ??= time.textContent;
    const local = (at.getFullYear() === new Date().getFullYear() ? thisYear : anyYear).format(at);
    [time.textContent, time.title] = inUtc ? [time.dataset.utc, `${local} ${zone}`] : [local, time.dataset.utc];
  }
}

function chooseZone() {
  const foot = document.getElementById("zone");
  if (!foot || isUtc) return;
  const says = document.createElement("span");
  const button = document.createElement("button");
  button.className = "plain";
  const say = () => {
    says.textContent = inUtc ? "Times are in UTC. " : `Times are in your zone, ${zone}. `;
    button.textContent = inUtc ? `Show them in ${zone}` : "Show them in UTC";
  };
  button.addEventListener("click", () => {
    inUtc = !inUtc;
    kept("times", inUtc ? "utc" : "local");
    say();
    showTimes(document);
  });
  say();
  foot.replaceChildren(says, button);
}

// What the reader is about to do is not taken away from them.
function isBusy(main) {
  const active = document.activeElement;
  return main.contains(active) && active.matches("input, select, textarea, button");
}

// Which form it is, whatever else has come or gone: its address, and what it would say beside what is written into it.
function nameOf(form) {
  const hidden = [...form.querySelectorAll("input[type=hidden]:not([name=form])")];
  return [form.getAttribute("action"), ...hidden.map((field) => `${field.name}=${field.value}`)].join("\n");
}

function isTouched(field) {
  if (field.type === "checkbox") return field.checked !== field.defaultChecked;
  if (field.tagName !== "SELECT") return field.value !== field.defaultValue;
  return field.selectedIndex !== Math.max(0, [...field.options].findIndex((option) => option.defaultSelected));
}

// What was written, and not sent yet.
function keepWritten(before, after) {
  const forms = new Map([...after.querySelectorAll("form")].map((form) => [nameOf(form), form]));
  for (const form of before.querySelectorAll("form")) {
    for (const field of form.querySelectorAll("input:not([type=hidden]), select, textarea")) {
      const same = isTouched(field) && forms.get(nameOf(form))?.elements.namedItem(field.name);
      if (!same) continue;
      if (field.type === "checkbox") same.checked = field.checked;
      else same.value = field.value;
    }
  }
}

// What was opened or closed.
function keepOpen(before, after) {
  const nameOfIts = (details) => [
    details.closest("[id]")?.id, details.querySelector("form")?.getAttribute("action"),
    details.querySelector("summary")?.textContent,
  ].join("\n");
  const open = new Map();
  for (const details of before.querySelectorAll("details")) {
    const name = nameOfIts(details);
    open.set(name, [...(open.get(name) ?? []), details.open]);
  }
  for (const details of after.querySelectorAll("details")) {
    details.open = open.get(nameOfIts(details))?.shift() ?? details.open;
  }
}

// How far each table was scrolled to the side.
function keepScrolled(before, after) {
  const scrolled = [...before.querySelectorAll(".scroll[aria-label]")].filter((table) => table.scrollLeft > 0);
  const places = new Map(scrolled.map((table) => [table.getAttribute("aria-label"), table.scrollLeft]));
  return () => {
    for (const table of places.size ? after.querySelectorAll(".scroll[aria-label]") : []) {
      table.scrollLeft = places.get(table.getAttribute("aria-label")) ?? 0;
    }
  };
}

// The link that has the focus.
function keepFocus(main) {
  const href = main.contains(document.activeElement) && document.activeElement.getAttribute("href");
  if (!href) return () => {};
  const alike = () => [...main.querySelectorAll("a[href]")].filter((link) => link.getAttribute("href") === href);
  const nth = alike().indexOf(document.activeElement);
  return () => (alike()[nth] ?? alike()[0])?.focus({ preventScroll: true });
}

async function refresh(main) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) {
    location.reload();
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("main");
  showTimes(fresh);
  keepOpen(main, fresh);
  keepWritten(main, fresh);
  const again = [keepScrolled(main, main), keepFocus(main)];
  main.replaceChildren(...fresh.childNodes);
  again.forEach((keep) => keep());
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
chooseZone();
showTimes(document);
follow(main);
