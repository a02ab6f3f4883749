"use strict";
// Helps with the stories of an issue: each act is saved at once without leaving the page, stories are
// dragged or moved by keyboard, texts being written are kept whatever else happens, and what other
// editors do is told. Without it the same forms do the same.

const PAUSE = 10_000; // between two looks at what others did
const IDLE = 30 * 60_000; // whoever does nothing for so long is not kept signed in by that

const page = () => document.querySelector(".issue");
const byId = (id) => document.getElementById(id);
const isText = (element) => element?.matches?.("input:not([type=checkbox], [type=hidden]), textarea, select");
let saving = false;
let active = Date.now();

// what is said stands outside of what is replaced

const corner = document.createElement("div");
corner.className = "corner";
document.body.append(corner);
const [others, status] = [0, 1].map(() => {
  const place = document.createElement("div");
  place.setAttribute("role", "status");
  corner.append(place);
  return place;
});

function say(words) {
  status.textContent = words;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => status.replaceChildren(), 8000);
}

function offer(words, act) {
  if (words === others.firstChild?.textContent) return;
  const [said, button] = [document.createElement("span"), document.createElement("button")];
  said.textContent = words;
  button.textContent = act;
  button.addEventListener("click", () => renew());
  others.replaceChildren(said, button);
}

// saving

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("form[data-save]") || !page()) return;
  event.preventDefault();
  save(form);
});

async function save(form) {
  if (saving) return say("Still saving the change before: try again.");
  saving = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.ok && fresh.querySelector(".issue")) {
      byId("refused")?.closest("dialog").close();
      const refused = form.closest("dialog") ? asked : null;
      const words = fresh.querySelector(".saved")?.textContent;
      show(fresh, [form.id, refused], form.elements.at.value);
      say(words ?? "It was so already.");
    } else if (fresh.querySelector("#refused")) {
      asked = form.closest("dialog") ? asked : form.id;
      refuse(fresh);
    } else {
      offer(`Not saved: ${fresh.querySelector("h1").textContent}. Your texts are still here.`, "Load the page anew");
    }
  } catch {
    say("Not saved: the desk cannot be reached. Your texts are still here.");
  } finally {
    saving = false;
  }
}

// a change that was not made is asked about above the page, which stays as it is with all its texts

let asked = null; // the form whose change it was

function refuse(fresh) {
  document.querySelector("dialog")?.remove();
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "refused");
  const heading = fresh.querySelector("#refused");
  dialog.append(heading, ...siblingsAfter(fresh));
  dialog.addEventListener("click", (event) => {
    if (!event.target.closest("[data-close]")) return;
    event.preventDefault();
    dialog.close();
    renew([asked]);
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  heading.focus();
}

function siblingsAfter(fresh) {
  const children = [...fresh.querySelector("main").children];
  return children.slice(children.findIndex((child) => child.matches(".tabs")) + 1);
}

// showing the page anew

async function renew(left = []) {
  status.replaceChildren();
  const answer = await fetch(location.href.replace(/#.*/, ""));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (fresh.querySelector(".issue")) show(fresh, left);
  else say(`${fresh.querySelector("h1").textContent}: in another window, since your texts are still here.`);
}

function show(fresh, left, at) {
  const texts = written().filter((text) => !left.includes(text.form.id));
  const open = [...document.querySelectorAll("main details[open][id]")].map((each) => each.id);
  const { id: focus, selectionStart, selectionEnd } = document.activeElement;
  const row = document.activeElement.closest?.("#told > .story");
  const near = [row, row?.nextElementSibling, row?.previousElementSibling].map((each) => each?.id);
  drop();
  document.title = fresh.title;
  document.querySelector("main").replaceWith(fresh.querySelector("main"));
  others.replaceChildren();
  for (const id of open) byId(id)?.setAttribute("open", "");
  texts.forEach(keep);
  prepare();
  const there = [focus, ...near, at].map(byId).find((each) => each && !(row && each.closest("#dropped")));
  there?.focus({ preventScroll: there.id !== at });
  if (isText(there) && selectionStart != null) there.setSelectionRange(selectionStart, selectionEnd);
}

// texts that are being written: not saved yet, so never replaced

function written() {
  return [...document.querySelectorAll("main form[data-texts]")].flatMap((form) => {
    const fields = [...form.elements].filter((each) => isText(each) && each.value !== each.defaultValue);
    return fields.length ? [{ form, fields }] : [];
  });
}

function keep({ form, fields }) {
  const fresh = byId(form.id);
  if (!fresh) {
    const words = document.createElement("p");
    words.className = "notice";
    words.textContent = "What you were writing belongs to a story that is not told any more:";
    page().prepend(words, form);
    return;
  }
  // it is still made from what was seen when it was begun: then the server can tell what came between
  fresh.elements.version.value = form.elements.version.value;
  for (const field of fields) fresh.elements[field.name].value = field.value;
}

function mark(form) {
  const isWritten = written().some((text) => text.form === form);
  form.querySelector(".unsaved").hidden = !isWritten;
  form.querySelectorAll("[maxlength]").forEach((field) => {
    byId(`${field.id}-budget`).textContent = `${field.value.length} of ${field.maxLength}`;
  });
}

addEventListener("beforeunload", (event) => {
  if (written().length) event.preventDefault();
});

// moving: a story is lifted, has a place where it would go, and is put down or left

let lifted = null;

const rows = () => [...byId("told").children];
const nameOf = (row) => `“${row.dataset.headline}”`;

function lift(row) {
  drop();
  const pins = rows().filter((each) => "pinned" in each.dataset).length;
  const isPinned = "pinned" in row.dataset;
  const from = rows().indexOf(row);
  lifted = { row, from, to: from, low: isPinned ? 0 : pins, high: (isPinned ? pins : rows().length) - 1 };
  row.classList.add("lifted");
  row.querySelector(".handle").setAttribute("aria-pressed", "true");
}

function aim(index) {
  const { from, low, high } = lifted;
  lifted.to = Math.max(low, Math.min(high, index));
  unmark();
  if (lifted.to !== from) rows()[lifted.to].classList.add(lifted.to < from ? "goes-before" : "goes-after");
}

function unmark() {
  document.querySelectorAll(".goes-before, .goes-after").forEach((each) => {
    each.classList.remove("goes-before", "goes-after");
  });
}

function drop() {
  if (!lifted) return null;
  const was = lifted;
  lifted = null;
  unmark();
  was.row.classList.remove("lifted");
  was.row.querySelector(".handle").setAttribute("aria-pressed", "false");
  return was;
}

function putDown() {
  const { row, from, to } = drop();
  if (to === from) return say(`${nameOf(row)} stays at place ${from + 1}.`);
  const number = row.id.replace("story-", "");
  byId(`to-${number}`).value = to + 1;
  save(byId(`place-${number}`));
}

document.addEventListener("dragstart", (event) => {
  const handle = event.target.closest?.(".handle");
  if (!handle) return;
  const row = handle.closest(".story");
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", row.dataset.headline);
  event.dataTransfer.setDragImage(row, 20, 20);
  lift(row);
});

document.addEventListener("dragover", (event) => {
  const row = lifted && event.target.closest?.("#told > .story");
  if (!row) return;
  event.preventDefault();
  const { top, height } = row.getBoundingClientRect();
  const gap = rows().indexOf(row) + (event.clientY > top + height / 2 ? 1 : 0);
  aim(gap > lifted.from ? gap - 1 : gap);
});

document.addEventListener("drop", (event) => {
  if (!lifted) return;
  event.preventDefault();
  putDown();
});

document.addEventListener("dragend", drop);

const KEYS = {
  " ": (row) => {
    if (lifted) return putDown();
    lift(row);
    say(`Lifted ${nameOf(row)}, place ${lifted.from + 1} of ${rows().length}.`);
  },
  ArrowUp: (row) => step(row, -1),
  ArrowDown: (row) => step(row, 1),
  Escape: (row) => drop() && say(`Left ${nameOf(row)} where it was.`),
  p: (row) => row.querySelector("[id^=pin-] button").click(),
  d: (row) => row.querySelector("[id^=drop-] button").click(),
  e: (row) => {
    row.querySelector(".edit").open = true;
    row.querySelector("[name=headline]").focus();
  },
};
KEYS.Enter = KEYS[" "];

function step(row, by) {
  if (!lifted) return rows()[rows().indexOf(row) + by]?.querySelector(".handle").focus();
  aim(lifted.to + by);
  rows()[lifted.to].scrollIntoView({ block: "nearest" });
  say(`Place ${lifted.to + 1} of ${rows().length}.`);
}

document.addEventListener("keydown", (event) => {
  active = Date.now();
  const isCommand = event.ctrlKey || event.metaKey;
  if (isCommand && event.key === "z" && !event.shiftKey && !isText(event.target)) {
    event.preventDefault();
    byId("undo")?.requestSubmit();
  } else if (isCommand && event.key === "Enter" && isText(event.target)) {
    event.target.form?.requestSubmit();
  } else if (!isCommand && !event.altKey && event.target.matches?.(".handle") && KEYS[event.key]) {
    // single keys count on a handle alone (WCAG 2.2, 2.1.4)
    event.preventDefault();
    KEYS[event.key](event.target.closest(".story"));
  }
});

document.addEventListener("focusout", (event) => {
  if (lifted && event.target.matches?.(".handle") && event.relatedTarget) drop();
});

document.addEventListener("pointerdown", () => (active = Date.now()));
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (form?.matches("main form[data-texts]")) mark(form);
});

function prepare() {
  document.querySelectorAll(".scripted").forEach((each) => (each.hidden = false));
  document.querySelectorAll("[data-arranged] > .story").forEach((row) => {
    const handle = document.createElement("span");
    handle.className = "handle";
    handle.id = row.id.replace("story", "handle");
    handle.textContent = "⠿";
    handle.draggable = true;
    handle.tabIndex = 0;
    const said = { role: "button", "aria-pressed": "false", "aria-label": `Move ${nameOf(row)}` };
    for (const [name, value] of Object.entries({ ...said, "aria-describedby": "how-to-move" })) {
      handle.setAttribute(name, value);
    }
    row.querySelector(".place").append(handle);
  });
  document.querySelectorAll("main form[data-texts]").forEach((form) => {
    form.querySelectorAll("[maxlength]").forEach((field) => {
      const budget = document.createElement("span");
      budget.className = "budget";
      budget.id = `${field.id}-budget`;
      field.setAttribute("aria-describedby", budget.id);
      field.parentElement.prepend(budget);
    });
    const unsaved = document.createElement("span");
    unsaved.className = "unsaved";
    unsaved.textContent = "not saved yet";
    form.append(" ", unsaved);
    mark(form);
  });
}

// what others do

async function listen() {
  if (document.hidden || saving || Date.now() - active > IDLE) return;
  const { news: address, version } = page().dataset;
  const answer = await fetch(`${address}?since=${version}`);
  if (answer.redirected || !answer.ok) return;
  const { version: newest, state, news } = await answer.json();
  if (newest <= Number(page().dataset.version) && state === page().dataset.state) return;
  if (state !== page().dataset.state) news.unshift(`The issue is ${state} now`);
  offer(`${news[0]}${news.length > 1 ? `, and ${news.length - 1} more` : ""}.`, "Show it");
}

if (page()) {
  prepare();
  const address = new URL(location.href);
  for (const name of ["saved", "seen", "voided"]) address.searchParams.delete(name); // said once
  history.replaceState(null, "", address);
  const look = () => listen().catch(() => {}); // out of reach for a moment: the next look will tell
  setInterval(look, PAUSE);
  addEventListener("focus", look);
}
