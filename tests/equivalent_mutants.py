"""The mutants that alter no result, as a person has found, each with the reason."""

ORDER, NUMBER = "the same whichever stands first", "the same number"
PRODUCT = "@ and np.dot are the same product, and only the time differs"
SUBNORMAL = "a subnormal number may stay or go, at any step: both are within rounding, and only the time differs"
HELPER = "how Adam's work is split between threads changes no number"
EQUIVALENT = (  # file, a part of the line, what was there, what became of it, why
    ("layers", "maximum", "np.maximum(x, 0)", "np.maximum(0, x)", ORDER),
    ("layers", "minimum", "np.minimum(x, -x)", "np.minimum(-x, x)", ORDER),
    ("layers", "maximum", "np.maximum(e, x >= 0)", "np.maximum(x >= 0, e)", ORDER),
    ("layers", "maximum", "x >= 0", "x > 0", "e⁰ is 1, too"),
    ("layers", "dweight", "dy.T @ x if len(x) > 1 else np.dot(dy.T, x)", "dy.T @ x", PRODUCT),
    ("layers", "dweight", "dy.T @ x if len(x) > 1 else np.dot(dy.T, x)", "np.dot(dy.T, x)", PRODUCT),
    ("layers", "dweight", "len(x) > 1", "len(x) >= 1", PRODUCT),
    ("layers", "dweight", "1", "2", PRODUCT),
    ("layers", "dweight", "1", "1.001", PRODUCT),
    ("layers", "", "0", "0.0", NUMBER),
    ("layers", "", "flush(dx)", "pass", SUBNORMAL),
    ("layers", "tiny", "x[np.abs(x) < np.finfo(x.dtype).tiny] = 0", "pass", SUBNORMAL),
    ("layers", "tiny", "np.abs(x) < np.finfo(x.dtype).tiny", "np.abs(x) <= np.finfo(x.dtype).tiny", SUBNORMAL),
    ("loss", "error =", "y - target", "target - y", "it is squared"),
    (
        "model", "for name in", "('fc1', 'fc2', 'fc3', 'fc4')", "('fc2', 'fc1', 'fc3', 'fc4')",
        "parameters are known by name",
    ),
    (
        "model", "fc1.backward", "self.fc1.backward(d['fc1'], tape['input'], input_grad=input_grad)",
        "self.fc1.backward(d['fc1'], tape['input'])", "the input's gradient is computed, and not given out",
    ),
    ("optim", "FLUSH_AFTER =", "100", "101", SUBNORMAL),
    ("optim", "FLUSH_AFTER =", "100", "100.1", SUBNORMAL),
    ("optim", "% FLUSH_AFTER", "state['step'] % FLUSH_AFTER == 0", "state['step'] % FLUSH_AFTER != 0", SUBNORMAL),
    ("optim", "% FLUSH_AFTER", "0", "1", SUBNORMAL),
    ("optim", "", "flush(exp_avg)", "pass", SUBNORMAL),
    ("optim", "", "flush(exp_avg_sq)", "pass", SUBNORMAL),
    ("optim", "", "0", "0.0", NUMBER),
    ("optim", "parallel", "False", "True", HELPER),
    ("optim", "_helper =", "ThreadPoolExecutor(1) if parallel else None", "ThreadPoolExecutor(1)", HELPER),
    ("optim", "_helper =", "ThreadPoolExecutor(1) if parallel else None", "None", HELPER),
    ("optim", "_helper =", "1", "2", HELPER),
    ("optim", "_helper =", "1", "1.001", HELPER),
    ("train", "value =", "loss.forward(y, clean)", "loss.forward(clean, y)", "the difference is squared"),
)  # fmt: skip
