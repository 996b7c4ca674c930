// The decoder of each side, in the page: sigmoid(W4 relu(W3 z + b3) + b4), from the run's own weights.
page.decoders = (() => {
  const linear = (x, weight, bias) =>
    bias.map((b, o) => {
      let y = b;
      for (let i = 0; i < x.length; i++) y += x[i] * weight[o * x.length + i];
      return y;
    });
  const make = (weights) => {
    const [w3, b3, w4, b4] = ["fc3.weight", "fc3.bias", "fc4.weight", "fc4.bias"].map((name) => page.floats(weights[name]));
    const hidden = (code) => linear(code, w3, b3).map((x) => Math.max(x, 0));
    const pixels = (h) => linear(h, w4, b4).map((x) => 1 / (1 + Math.exp(-x)));
    return { hidden, pixels, decode: (code) => pixels(hidden(code)), weight: w4, bias: b4, units: b3.length };
  };
  let made;
  return () => (made ??= Object.fromEntries(Object.entries(page.json("decoder-data")).map(([side, w]) => [side, make(w)])));
})();
