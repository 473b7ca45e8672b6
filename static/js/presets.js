// The migrate page: a preset fills in the boxes of the options. What it fills in stands in its button (pages/presets.py).
(() => {
  const form = document.getElementById("migrate");
  const buttons = [...(form?.querySelectorAll("[data-preset]") ?? [])];
  const boxes = (button) => Object.entries(JSON.parse(button.dataset.preset));

  function holds([name, value]) {
    const box = form.elements[name];
    return box.type === "checkbox" ? box.checked === value : box.value === value;
  }

  function fillIn([name, value]) {
    const box = form.elements[name];
    if (box.type === "checkbox") box.checked = value;
    else box.value = value;
  }

  function show() {
    for (const button of buttons) button.setAttribute("aria-pressed", boxes(button).every(holds));
  }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      boxes(button).forEach(fillIn);
      htmx.trigger(form, "change");
      show();
    });
  }
  form?.addEventListener("change", show);
  window.addEventListener("pageshow", show);
  show();
})();
