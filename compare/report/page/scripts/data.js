// What the other scripts share: data of the page, and how to draw small images.
const page = {
  // The JSON of a data element, or null where this run has none.
  json(id) {
    const element = document.getElementById(id);
    return element && JSON.parse(element.textContent);
  },

  // Base64 of little-endian float32.
  floats(text) {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  },

  // Draw values as squares of gray, black at 0 and white at 1; or, given the largest, from purple over white to green.
  draw(canvas, values, width, largest) {
    const height = values.length / width;
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, height);
    values.forEach((value, i) => {
      const colour = largest ? page.signed(value / largest) : Array(3).fill(255 * Math.min(1, Math.max(0, value)));
      image.data.set([...colour, 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
  },

  signed(share) {
    const end = share < 0 ? [118, 42, 131] : [27, 120, 55];
    const weight = Math.min(1, Math.abs(share));
    return end.map((channel) => 247 + weight * (channel - 247));
  },

  // Call `start` where this run has the element. At once: what came later would move all below it, and links would miss.
  part(element, start) {
    if (element) start();
  },

  // A number as numbers.py writes it, to four places.
  number(value) {
    if (value === 0) return "0";
    if (Math.abs(value) >= 1e-3) return value.toFixed(4);
    return value.toExponential(1).replace(/-(\d)$/, "-0$1");
  },
};
