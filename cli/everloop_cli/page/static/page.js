"use strict";
// The page works without this. With it, it stays up to date, and commands can be copied.
(() => {
  const body = document.body, main = document.getElementById("main"), live = document.getElementById("live");
  document.documentElement.classList.add("scripted");

  // Copying a command.
  document.addEventListener("click", async event => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("done");
    say(body.dataset.copied);
    setTimeout(() => button.classList.remove("done"), 1500);
  });

  // "3 min ago", by the cloud's clock, which may run faster than ours.
  const loaded = performance.now(), then = Date.parse(body.dataset.now), speed = Number(body.dataset.speed);
  function span(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    if (whole < 60) return whole + " s";
    if (whole < 3600) return Math.floor(whole / 60) + " min";
    if (whole < 172800) return (whole / 3600).toFixed(1) + " h";
    return Math.round(whole / 86400) + " d";
  }
  let base = then, since = loaded;
  function age() {
    const now = base + (performance.now() - since) * speed;
    for (const each of document.querySelectorAll("time[data-ago]")) {
      const passed = (now - Date.parse(each.dateTime)) / 1000;
      const text = (passed < -1 ? body.dataset.in : body.dataset.ago).replace("{span}", span(Math.abs(passed)));
      if (each.textContent !== text) each.textContent = text;
    }
  }
  setInterval(age, 5000);

  function say(text) {
    const news = document.getElementById("news");
    news.textContent = "";
    requestAnimationFrame(() => { news.textContent = text; });
  }

  // Parts are taken over from the page as it is now, unless somebody is in one, or it is the same.
  const raw = new Map();
  for (const part of document.querySelectorAll("[data-part]")) raw.set(part.id, part.innerHTML);
  let reading = false, again = false;
  async function refresh() {
    if (document.hidden) { again = true; return; }
    if (reading) { again = true; return; }
    reading = true;
    again = false;
    try {
      const answer = await fetch(location.href, {headers: {"Accept": "text/html"}, credentials: "same-origin"});
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      base = Date.parse(fresh.body.dataset.now);
      since = performance.now();
      let changed = false;
      for (const part of fresh.querySelectorAll("[data-part]")) {
        const mine = document.getElementById(part.id);
        const same = part.dataset.same ?? part.innerHTML.replace(/<time[^>]*data-ago[^>]*>[^<]*/g, "");
        const before = (raw.get(part.id) ?? "").replace(/<time[^>]*data-ago[^>]*>[^<]*/g, "");
        if (!mine || same === before) continue;
        if (mine.contains(document.activeElement) && document.activeElement.matches("input,textarea,select")) continue;
        const focus = mine.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        const log = mine.querySelector(".log"), end = log && log.scrollHeight - log.scrollTop - log.clientHeight < 30;
        raw.set(part.id, part.innerHTML);
        mine.replaceChildren(...part.childNodes);
        const grown = mine.querySelector(".log");
        if (grown && end) grown.scrollTop = grown.scrollHeight;
        if (focus) { const link = mine.querySelector(`[href="${CSS.escape(focus)}"]`); if (link) link.focus({preventScroll: true}); }
        changed = true;
      }
      if (changed) say(body.dataset.news);
      age();
    } catch {
      // The next event tries again; that the stream is gone is shown already.
    } finally {
      reading = false;
      if (again && !document.hidden) setTimeout(refresh, 700);
    }
  }

  const about = main.dataset.liveFor;
  if (about) {
    const stream = new EventSource("/live");
    let timer = 0;
    const soon = () => { clearTimeout(timer); timer = setTimeout(refresh, 250); };
    // What was said between the page's rendering, or the stream's end, and now was heard by nobody.
    stream.addEventListener("open", () => { live.textContent = live.dataset.on; live.classList.add("on"); soon(); });
    stream.addEventListener("error", () => { live.textContent = live.dataset.off; live.classList.remove("on"); });
    stream.addEventListener("ledger", event => {
      const {model} = JSON.parse(event.data);
      if (about === "*" || model === about) soon();
    });
    document.addEventListener("visibilitychange", () => { if (!document.hidden && again) refresh(); });
    if (document.querySelector(".loading")) soon();
    const every = Number(main.dataset.every || 0);
    if (every) setInterval(refresh, every * 1000);
  }
  for (const log of document.querySelectorAll(".log")) log.scrollTop = log.scrollHeight;
})();
