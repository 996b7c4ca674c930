// The scatter of codes: point at one to see its digit, pick two and walk the line between their codes.
page.part(document.querySelector("#latent .scatter"), () => {
  const root = document.getElementById("latent");
  const at = (selector) => root.querySelector(selector);
  const canvas = at(".scatter");
  const data = page.json("map-data");
  const codes = Object.fromEntries(Object.entries(data.codes).map(([side, text]) => [side, page.floats(text)]));
  const places = Object.fromEntries(
    Object.entries(data.places).map(([method, sides]) => [
      method, Object.fromEntries(Object.entries(sides).map(([side, text]) => [side, page.floats(text)])),
    ]),
  );
  const count = data.labels.length;
  const colours = ["#1f77b4", "#e07b00", "#2c8c2c", "#d13c3c", "#8a5cc2", "#8c564b", "#d24fa6", "#6f6f6f", "#97980f", "#0f9fb0"];
  const sprite = new Image();
  sprite.src = data.sprite;
  const state = { side: data.sides[0], method: data.methods[0], hover: 0, picked: [0, 1], next: 0 };

  const place = (i) => {
    const edge = canvas.width, margin = 12 * devicePixelRatio;
    const [x, y] = [0, 1].map((k) => places[state.method][state.side][2 * i + k]);
    return [margin + x * (edge - 2 * margin), edge - margin - y * (edge - 2 * margin)];
  };

  const scatter = () => {
    const edge = canvas.clientWidth * devicePixelRatio;
    if (canvas.width !== edge) canvas.width = canvas.height = edge;
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, edge, edge);
    context.globalAlpha = 0.75;
    for (let i = 0; i < count; i++) {
      context.fillStyle = colours[data.labels[i] % colours.length];
      context.beginPath();
      context.arc(...place(i), 2.4 * devicePixelRatio, 0, 7);
      context.fill();
    }
    context.globalAlpha = 1;
    context.strokeStyle = getComputedStyle(root).color;
    context.fillStyle = context.strokeStyle;
    context.font = `600 ${14 * devicePixelRatio}px system-ui, sans-serif`;
    context.lineWidth = 2 * devicePixelRatio;
    for (const [i, name] of [[state.picked[0], "A"], [state.picked[1], "B"], [state.hover, ""]]) {
      const [x, y] = place(i);
      context.beginPath();
      context.arc(x, y, (name ? 7 : 5) * devicePixelRatio, 0, 7);
      context.stroke();
      context.fillText(name, x + 9 * devicePixelRatio, y - 7 * devicePixelRatio);
    }
  };

  const code = (i) => codes[state.side].subarray(i * data.latent, (i + 1) * data.latent);

  const digit = (target, i) => {
    const { width, height, columns } = data;
    target.width = width;
    target.height = height;
    const from = [(i % columns) * width, Math.floor(i / columns) * height];
    target.getContext("2d").drawImage(sprite, ...from, width, height, 0, 0, width, height);
  };

  const describe = (i) => `image ${i}, a ${data.classes[data.labels[i]]}`;

  const look = (i) => {
    state.hover = i;
    digit(at(".pointed canvas"), i);
    at(".pointed figcaption").textContent = `${describe(i)}: z = (${Array.from(code(i), (z) => z.toFixed(1)).join(", ")})`;
    scatter();
  };

  const walk = () => {
    const t = Number(at(".way").value) / 100;
    at(".share").textContent = `${Math.round(100 * t)} %`;
    if (!document.getElementById("decoder-data")) return;
    const decoder = page.decoders()[state.side];
    const [a, b] = state.picked.map(code);
    const between = (share) => decoder.decode(a.map((z, k) => (1 - share) * z + share * b[k]));
    page.draw(at(".decoded"), between(t), data.width);
    at(".decoded").setAttribute("aria-label", `decoded by ${state.side} at ${Math.round(100 * t)} % of the way`);
    root.querySelectorAll(".film canvas").forEach((frame, k, all) => page.draw(frame, between(k / (all.length - 1)), data.width));
  };

  const pick = (which, i) => {
    state.picked[which] = Math.min(count - 1, Math.max(0, Math.trunc(i) || 0));
    const name = "AB"[which];
    at(`.pick-${name}`).value = state.picked[which];
    digit(at(`.picked-${name} canvas`), state.picked[which]);
    at(`.picked-${name} figcaption`).textContent = `${name}: ${describe(state.picked[which])}`;
    scatter();
    walk();
  };

  const nearest = (x, y, admitted = () => true) => {
    let best = state.hover, least = Infinity;
    for (let i = 0; i < count; i++) {
      const [px, py] = place(i);
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < least && admitted(px - x, py - y, i)) [best, least] = [i, distance];
    }
    return best;
  };

  const under = (event) => nearest(event.offsetX * devicePixelRatio, event.offsetY * devicePixelRatio);
  const next = () => { state.next = 1 - state.next; return 1 - state.next; };
  canvas.addEventListener("pointermove", (event) => look(under(event)));
  canvas.addEventListener("click", (event) => { look(under(event)); pick(next(), state.hover); });
  canvas.addEventListener("keydown", (event) => {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (ways[event.key]) {
      const [dx, dy] = ways[event.key];
      const ahead = (x, y, i) => i !== state.hover && x * dx + y * dy > Math.abs(x * dy) + Math.abs(y * dx);
      look(nearest(...place(state.hover), ahead));
    } else if (event.key === "Enter" || event.key === " ") pick(next(), state.hover);
    else return;
    event.preventDefault();
  });
  root.querySelectorAll("input[type=radio]").forEach((input) => input.addEventListener("change", () => {
    state[input.name === "latent-side" ? "side" : "method"] = input.value;
    look(state.hover);
    walk();
  }));
  at(".way").addEventListener("input", walk);
  ["A", "B"].forEach((name, which) => at(`.pick-${name}`).addEventListener("change", (event) => pick(which, event.target.value)));
  new ResizeObserver(scatter).observe(canvas);

  const legend = at(".classes");
  data.classes.forEach((name, i) => {
    const item = document.createElement("li");
    item.textContent = name;
    item.style.setProperty("--colour", colours[i % colours.length]);
    legend.append(item);
  });
  // Two digits of different classes to begin with.
  const other = data.labels.findIndex((label) => label !== data.labels[0]);
  const begin = () => { look(0); pick(0, 0); pick(1, Math.max(0, other)); };
  begin();  // the words, whose room is then taken; the digits once their picture is there
  sprite.decode().then(() => { begin(); root.dataset.ready = "yes"; });
});
