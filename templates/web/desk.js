"use strict";
// Keeps a page up to date while work goes on; without it the page loads itself anew.

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// Where the page says what is live, only that is renewed while the work goes on: nobody's words are lost.
function renew(old, fresh) {
  const live = fresh.querySelectorAll("[data-live]");
  if (live.length && old.dataset.busy === fresh.dataset.busy) {
    live.forEach((part) => document.getElementById(part.id)?.replaceWith(part));
  } else {
    old.replaceWith(fresh);
  }
}

async function follow() {
  while (document.querySelector("main[data-busy]")) {
    await pause(700);
    const answer = await fetch(location.href);
    if (answer.redirected) {
      location.replace(answer.url);
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = fresh.title;
    renew(document.querySelector("main"), fresh.querySelector("main"));
  }
  document.querySelector("h1[tabindex]")?.focus();
}

follow().catch(() => setTimeout(() => location.reload(), 5000));
