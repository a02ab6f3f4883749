"use strict";
// Keeps a page up to date while work goes on; without it the page loads itself anew.

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

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
    document.querySelector("main").replaceWith(fresh.querySelector("main"));
  }
  document.querySelector("h1[tabindex]")?.focus();
}

follow().catch(() => setTimeout(() => location.reload(), 5000));
