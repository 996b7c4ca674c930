// The pixel inspector: one digit, clean, noisy and as both sides denoise it, and what makes a pixel what it is.
page.part(document.querySelector("#pixels .quartet"), () => {
  const root = document.getElementById("pixels");
  const at = (selector) => root.querySelector(selector);
  const data = page.json("map-data");
  const { width, height, sides } = data;
  const size = width * height;
  const rows = (text) => page.floats(text);
  const images = { clean: rows(data.clean), noisy: rows(data.noisy) };
  for (const side of sides) images[side] = rows(data.denoised[side]);
  const codes = Object.fromEntries(sides.map((side) => [side, rows(data.noisyCodes[side])]));
  const state = { digit: 0, pixel: Math.floor(size / 2 + width / 2), side: sides[0] };
  const canvases = [...root.querySelectorAll(".quartet canvas")];

  const image = (name) => images[name].subarray(state.digit * size, (state.digit + 1) * size);

  const show = () => {
    for (const canvas of canvases) {
      page.draw(canvas, image(canvas.dataset.image), width);
      const context = canvas.getContext("2d");
      context.fillStyle = "#ff5a36";
      context.fillRect(state.pixel % width, Math.floor(state.pixel / width), 1, 1);
    }
    const [row, column] = [Math.floor(state.pixel / width), state.pixel % width];
    at(".where").textContent = `image ${state.digit}, row ${row}, column ${column}`;
    for (const cell of root.querySelectorAll(".values [data-image]")) {
      cell.textContent = page.number(image(cell.dataset.image)[state.pixel]);
    }
    if (sides.length > 1) at(".difference").textContent = page.number(Math.abs(image(sides[0])[state.pixel] - image(sides[1])[state.pixel]));
    feed();
  };

  const feed = () => {
    if (!document.getElementById("decoder-data")) return;
    const decoder = page.decoders()[state.side];
    const { units, weight, bias } = decoder;
    const latent = data.latent;
    const hidden = decoder.hidden(codes[state.side].subarray(state.digit * latent, (state.digit + 1) * latent));
    const parts = Array.from(hidden, (h, unit) => ({ unit, h, w: weight[state.pixel * units + unit] }));
    const sum = parts.reduce((total, { h, w }) => total + h * w, bias[state.pixel]);
    const most = parts.sort((a, b) => Math.abs(b.h * b.w) - Math.abs(a.h * a.w)).slice(0, 6);
    const rest = sum - bias[state.pixel] - most.reduce((total, { h, w }) => total + h * w, 0);
    const body = at(".feed tbody");
    body.replaceChildren(...most.map(({ unit, h, w }) => {
      const line = document.createElement("tr");
      const column = Float32Array.from({ length: size }, (_, p) => weight[p * units + unit]);
      const picture = document.createElement("canvas");
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", `the weights from unit ${unit} to all pixels`);
      page.draw(picture, column, width, column.reduce((most, x) => Math.max(most, Math.abs(x)), 0));
      const cells = [`unit ${unit}`, page.number(h), page.number(w), page.number(h * w)].map((text, k) => {
        const cell = document.createElement(k ? "td" : "th");
        if (!k) cell.scope = "row";
        cell.textContent = text;
        return cell;
      });
      cells.push(document.createElement("td"));
      cells.at(-1).append(picture);
      line.append(...cells);
      return line;
    }));
    at(".rest").textContent = page.number(rest);
    at(".bias").textContent = page.number(bias[state.pixel]);
    at(".sum").textContent = page.number(sum);
    at(".output").textContent = page.number(1 / (1 + Math.exp(-sum)));
  };

  const to = (column, row) => {
    const inside = (k, length) => Math.min(length - 1, Math.max(0, k));
    state.pixel = inside(row, height) * width + inside(column, width);
    show();
  };
  for (const canvas of canvases) {
    const point = (event) => to(Math.floor((event.offsetX / canvas.clientWidth) * width), Math.floor((event.offsetY / canvas.clientHeight) * height));
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!way) return;
      event.preventDefault();
      to((state.pixel % width) + way[0], Math.floor(state.pixel / width) + way[1]);
    });
  }
  root.querySelectorAll("input[name=digit]").forEach((input) => {
    const of = input.parentElement.querySelector("canvas");
    page.draw(of, images.clean.subarray(input.value * size, (Number(input.value) + 1) * size), width);
    input.addEventListener("change", () => { state.digit = Number(input.value); show(); });
  });
  root.querySelectorAll("input[name=feed-side]").forEach((input) => input.addEventListener("change", () => { state.side = input.value; show(); }));
  show();
  root.dataset.ready = "yes";
});
