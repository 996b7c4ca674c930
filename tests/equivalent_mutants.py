"""The mutants that alter no result, as a person has found, each with the reason."""

ORDER, NUMBER = "the same whichever stands first", "the same number"
SUBNORMAL = (
    "a subnormal number may stay or go, at any step: "
    "both are within rounding, and only the time differs"
)
THREADS = "how Adam's work is split between threads changes no number"
FLUSH = "flush_averages(exp_avg, exp_avg_sq, step=state['step'])"
EQUIVALENT = (  # file, a part of the line, what was there, what became of it, why
    ("layers", "maximum", "np.maximum(x, 0)", "np.maximum(0, x)", ORDER),
    ("layers", "minimum", "np.minimum(x, -x)", "np.minimum(-x, x)", ORDER),
    ("layers", "maximum", "np.maximum(e, x >= 0)", "np.maximum(x >= 0, e)", ORDER),
    ("layers", "maximum", "x >= 0", "x > 0", "e⁰ is 1, too"),
    ("layers", "", "0", "0.0", NUMBER),
    ("loss", "** 2", "y - target", "target - y", "it is squared"),
    (
        "model",
        "fc1.backward",
        "input_grad",
        "True",
        "the input's gradient is computed, and not given out",
    ),
    ("optim", "flush", FLUSH, "pass", SUBNORMAL),
    ("optim", "flush", FLUSH, "flush_averages(exp_avg_sq, exp_avg, step=state['step'])", ORDER),
    (
        "optim",
        "change =",
        "np.sqrt(exp_avg_sq, out=square)",
        "np.sqrt(exp_avg_sq)",
        "the same root, in memory of its own",
    ),
    ("optim", "", "0", "0.0", NUMBER),
    ("optim", "parallel", "False", "True", THREADS),
    ("support", "FLUSH_EVERY =", "100", "101", SUBNORMAL),
    ("support", "FLUSH_EVERY =", "100", "100.1", SUBNORMAL),
    ("support", "tiny", "x[np.abs(x) < np.finfo(x.dtype).tiny] = 0", "pass", SUBNORMAL),
    (
        "support",
        "tiny",
        "np.abs(x) < np.finfo(x.dtype).tiny",
        "np.abs(x) <= np.finfo(x.dtype).tiny",
        SUBNORMAL,
    ),
    ("support", "% FLUSH_EVERY", "step % FLUSH_EVERY == 0", "step % FLUSH_EVERY != 0", SUBNORMAL),
    ("support", "% FLUSH_EVERY", "0", "1", SUBNORMAL),
    ("support", "average", "flush_subnormals(average)", "pass", SUBNORMAL),
    ("support", "", "0", "0.0", NUMBER),
    ("support", "parallel", "not parallel", "parallel", THREADS),
    ("support", "ThreadPoolExecutor", "1", "2", THREADS),
    ("support", "ThreadPoolExecutor", "1", "1.001", THREADS),
    (
        "train",
        "value =",
        "loss.forward(y, clean)",
        "loss.forward(clean, y)",
        "the difference is squared",
    ),
    (
        "vae",
        "self.deviation.backward",
        "self.deviation.backward(d['deviation'], cache['deviation'])",
        "self.deviation.backward(cache['deviation'], d['deviation'])",
        ORDER,
    ),
    ("vae", "fc1.backward", "False", "True", "the input's gradient is computed, and dropped"),
    (
        "vae",
        "error, divergence =",
        "loss.forward(y, clean)",
        "loss.forward(clean, y)",
        "the difference is squared",
    ),
)
