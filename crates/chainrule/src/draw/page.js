"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const { blocks, views, start } = JSON.parse(byId("views").textContent);
  const stage = byId("stage"), slider = byId("step"), says = byId("says"), play = byId("play");
  let open = start, svg, nodes, view, timer;

  // One view for each set of opened blocks; bit k of its number stands for block k.
  function show(set) {
    open = set;
    view = views[set];
    stage.replaceChildren(byId("view-" + set).content.cloneNode(true));
    svg = stage.querySelector("svg");
    svg.setAttribute("preserveAspectRatio", "xMidYMid meet");
    ["width", "height"].forEach((side) => svg.removeAttribute(side));
    nodes = [...svg.querySelectorAll("g > title")].map((title) => title.parentNode);
    nodes.forEach((node, i) => {
      const { block, value, slope } = view.nodes[i];
      const lines = [...node.querySelectorAll("text")];
      if (value >= 0) lines[value].classList.add("value");
      if (slope >= 0) lines[slope].classList.add("slope");
      if (block >= 0) {
        node.classList.add("block");
        node.addEventListener("click", () => { if (!moved) toggle(block); });
      }
    });
    const at = slider.max > 0 ? slider.value / slider.max : 1;
    slider.max = 2 * view.ranks;
    go(Math.round(at * slider.max));
    fit();
    document.querySelectorAll("[data-block]").forEach((button) => {
      button.textContent = ((open >> button.dataset.block) & 1 ? "Fold " : "Unfold ") + blocks[button.dataset.block];
    });
  }

  function toggle(block) {
    const all = views.length === 2 && blocks.length > 1;
    show(all ? 1 - open : open ^ (1 << block));
  }

  // Step k ≤ ranks shows the values of the first k ranks, later ones the gradients from the last.
  function go(step) {
    step = Math.max(0, Math.min(step, 2 * view.ranks));
    slider.value = step;
    let values = 0, slopes = 0;
    nodes.forEach((node, i) => {
      const { rank, value, slope } = view.nodes[i], lines = node.querySelectorAll("text");
      const forward = rank < step, back = 2 * view.ranks - rank <= step;
      if (value >= 0) lines[value].classList.toggle("hidden", !forward);
      if (slope >= 0) lines[slope].classList.toggle("hidden", !back);
      values += value >= 0 && forward;
      slopes += slope >= 0 && back;
      node.classList.toggle("now", rank === step - 1);
      node.classList.toggle("back", 2 * view.ranks - rank === step && slope >= 0);
    });
    const half = step <= view.ranks;
    says.textContent = half ? `forward ${step} of ${view.ranks}` : `backward ${step - view.ranks} of ${view.ranks}`;
    Object.assign(document.body.dataset, { step, values, slopes, nodes: nodes.length });
  }

  function run() {
    if (timer) { clearInterval(timer); timer = 0; play.textContent = "▶ Play"; return; }
    if (+slider.value >= +slider.max) go(0);
    play.textContent = "⏸ Pause";
    timer = setInterval(() => { go(+slider.value + 1); if (+slider.value >= +slider.max) run(); }, 600);
  }

  // Zoom and pan by the view box.
  let frame, whole, moved = false, last;
  const set = (box) => { frame = box; svg.setAttribute("viewBox", box.join(" ")); };
  function fit() {
    whole = whole && whole.svg === svg ? whole : { svg, box: svg.getAttribute("viewBox").split(" ").map(Number) };
    const [x, y, w, h] = whole.box, seen = stage.getBoundingClientRect();
    // Small graphs are not blown up.
    const grow = Math.max(1, Math.min(seen.width / w, seen.height / h) / 1.6);
    set([x - (w * grow - w) / 2, y - (h * grow - h) / 2, w * grow, h * grow]);
  }
  function zoom(by, x, y) {
    const [left, top, w, h] = frame;
    set([x - (x - left) * by, y - (y - top) * by, w * by, h * by]);
  }
  const middle = (by) => zoom(by, frame[0] + frame[2] / 2, frame[1] + frame[3] / 2);
  function place(event) {
    const to = svg.getScreenCTM().inverse();
    return [event.clientX * to.a + to.e, event.clientY * to.d + to.f, to.a, to.d];
  }
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = place(event);
    zoom(Math.exp(event.deltaY * 0.0015), x, y);
  }, { passive: false });
  stage.addEventListener("pointerdown", (event) => { last = [event.clientX, event.clientY]; moved = false; });
  stage.addEventListener("pointermove", (event) => {
    if (!last || !event.buttons) return;
    const [dx, dy] = [event.clientX - last[0], event.clientY - last[1]];
    if (!moved && Math.hypot(dx, dy) < 4) return;
    moved = true;
    stage.classList.add("dragged");
    const [, , across, down] = place(event);
    set([frame[0] - dx * across, frame[1] - dy * down, frame[2], frame[3]]);
    last = [event.clientX, event.clientY];
  });
  addEventListener("pointerup", () => { last = undefined; stage.classList.remove("dragged"); });
  stage.addEventListener("dblclick", fit);

  slider.addEventListener("input", () => go(+slider.value));
  play.addEventListener("click", run);
  byId("in").addEventListener("click", () => middle(1 / 1.25));
  byId("out").addEventListener("click", () => middle(1.25));
  byId("fit").addEventListener("click", fit);
  document.querySelectorAll("[data-block]").forEach((button) => button.addEventListener("click", () => toggle(+button.dataset.block)));
  addEventListener("keydown", (event) => {
    const keys = { "+": () => middle(1 / 1.25), "-": () => middle(1.25), 0: fit, " ": run };
    if (event.target === document.body && keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  // #step=3, #step=middle, #open=1: where to begin.
  const wish = new URLSearchParams(location.hash.slice(1));
  show(views[wish.get("open")] ? +wish.get("open") : start);
  const named = { start: 0, middle: view.ranks, end: 2 * view.ranks };
  const step = wish.get("step");
  go(step in named ? named[step] : step === null ? 2 * view.ranks : +step || 0);
})();
