// Pointing at a symbol, in a formula, in a list or in code, lights it up everywhere in its row.
(() => {
  const light = (event, on) => {
    const marked = event.target.closest("[data-symbol]");
    const row = marked && marked.closest(".operation");
    if (!row) return;
    const names = marked.dataset.symbol.split(" ");
    for (const other of row.querySelectorAll("[data-symbol]")) {
      const same = other.dataset.symbol.split(" ").some((name) => names.includes(name));
      if (same) other.classList.toggle("lit", on);
    }
  };
  for (const [start, end] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    document.addEventListener(start, (event) => light(event, true));
    document.addEventListener(end, (event) => light(event, false));
  }
})();
