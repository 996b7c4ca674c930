// The menu of faults: what the check finds of the chosen one, and the first row that fails.
page.part(document.querySelector("#faults .seen"), () => {
  const root = document.getElementById("faults");
  const data = page.json("faults-data");
  const at = (selector) => root.querySelector(selector);
  const menu = at("select");
  const rows = [...root.querySelectorAll("[data-tensor]")];

  const picture = ([of, source], shown) => {
    const figure = document.createElement("figure");
    const image = new Image();
    image.src = source;
    image.width = image.height = 84;
    image.alt = `${of}: ${shown}`;
    const caption = document.createElement("figcaption");
    caption.textContent = of;
    figure.append(image, caption);
    return figure;
  };

  const show = () => {
    const chosen = data[menu.value];
    for (const row of rows) {
      const { bar = null, said = "", failed = [] } = chosen.tensors[row.dataset.tensor] ?? {};
      row.classList.toggle("fail", failed.length > 0);
      row.querySelector(".bar").classList.toggle("fail", failed.length > 0);
      row.querySelector(".bar").toggleAttribute("hidden", bar === null);
      row.querySelector(".error").setAttribute("width", 100 * (bar ?? 0));
      row.querySelector(".said").textContent = said;
      row.querySelector(".stages").textContent = failed.map((mark) => `✗ ${mark}`).join("  ");
    }
    at(".what code").textContent = chosen.what;
    at(".sentence").textContent = chosen.sentence;
    at(".fault .thumbnails").replaceChildren(...chosen.pictures.map((each) => picture(each, `${chosen.first}, ${chosen.shown}`)));
    at(".fault .shown").textContent = chosen.pictures.length ? `${chosen.first}: ${chosen.shown}` : "";
    at(".jump").hidden = !rows.some((row) => row.classList.contains("fail"));
  };

  const jump = (focus) => {
    const first = rows.find((row) => row.classList.contains("fail"));
    first?.scrollIntoView({ block: "center" });
    if (focus) first?.focus({ preventScroll: true });
  };
  // Only where the menu stays in view beside the rows; elsewhere there is the button.
  const beside = () => getComputedStyle(at(".fault")).position === "sticky";
  menu.addEventListener("change", () => { show(); if (beside()) jump(false); });
  at(".jump").addEventListener("click", () => jump(true));
  show();
  root.dataset.ready = "yes";
});
