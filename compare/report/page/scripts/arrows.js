// Among the links or buttons of one group the arrow keys move, and the group is one stop of the tab key.
for (const group of document.querySelectorAll("[data-arrows]")) {
  const all = [...group.querySelectorAll("a, button")];
  group.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    all[(all.indexOf(document.activeElement) + way + all.length) % all.length].focus();
  });
  group.addEventListener("focusin", (event) => all.forEach((one) => { one.tabIndex = one === event.target ? 0 : -1; }));
}
