// The slider over the training: images, numbers and a line in every chart.
page.part(document.querySelector("#time .reel"), () => {
  const root = document.getElementById("time");
  const data = page.json("time-data");
  const slider = root.querySelector(".moment");
  const { edge, examples } = data;
  const sheets = Object.fromEntries(Object.entries(data.sheets).map(([name, uri]) => {
    const image = new Image();
    image.src = uri;
    return [name, image];
  }));

  const tell = (values, name) => values.map(([side, value]) => `${side} ${value}`).join(", ").replace(/^/, `${name}: `);

  const show = () => {
    const now = Number(slider.value);
    root.querySelector(".when").textContent = data.times[now];
    slider.setAttribute("aria-valuetext", `after ${data.times[now]}`);
    for (const canvas of root.querySelectorAll(".reel canvas")) {
      const name = canvas.dataset.sheet;
      const line = data.sides.includes(name) ? now : 0;
      canvas.getContext("2d").drawImage(sheets[name], 0, line * edge, examples * edge, edge, 0, 0, examples * edge, edge);
    }
    const loss = tell(data.sides.map((side) => [side, data.loss[side][now].toFixed(3)]), "Loss per image");
    const relus = Object.keys(data.dead[data.sides[0]]);
    const dead = relus.map((relu) => tell(data.sides.map((side) => [side, data.dead[side][relu][now]]), `dead units of ${relu}`));
    const [apart, perturbed] = [data.apart[now], data.perturbed[now]];
    const drift = apart === null ? [] : [`parameters of NumPy and PyTorch differ by at most ${page.number(apart)}` + (perturbed === null ? "" : `, those of PyTorch and perturbed references by up to ${page.number(perturbed)}`)];
    root.querySelector(".reading").textContent = `${[loss, ...dead, ...drift].join("; ")}.`;
    const x = 50 + (238 * now) / Math.max(1, data.times.length - 1);
    for (const line of root.querySelectorAll(".now")) {
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    }
  };
  slider.addEventListener("input", show);
  show();  // the words, whose room is then taken; the digits once their pictures are there
  Promise.all(Object.values(sheets).map((image) => image.decode())).then(() => { show(); root.dataset.ready = "yes"; });
});
