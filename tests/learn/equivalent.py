"""The mutants of right ways that are as right, as a person has found, each with the reason."""

ORDER, NUMBER = "the same whichever stands first", "the same number"
SQUARED, WRITTEN = "the difference is squared", "every entry is written over"
ZERO = "at 0 both ways give the same"
MASK = "a ReLU's input is above zero where its output is"
SYMMETRIC = "normal noise is as often negative as positive"
CUT = "what is at the edge already may be put there"

EQUIVALENT = {  # exercise, way, what was there, what became of it: why
    ("02", "loops", "y[n, i] < 0", "y[n, i] <= 0"): ZERO,
    ("02", "mask", "x > 0", "x >= 0"): ZERO,
    ("02", "where", "x > 0", "x >= 0"): ZERO,
    ("02", "maximum", "np.maximum(x, 0)", "np.maximum(0, x)"): ORDER,
    ("03", "loops", "np.zeros_like", "np.ones_like"): WRITTEN,
    ("03", "loops", "value >= 0", "value > 0"): ZERO,
    ("03", "masks", "x >= 0", "x > 0"): ZERO,
    ("03", "where", "x >= 0", "x > 0"): ZERO,
    ("03", "loops", "0", "1"): "between 0 and 1 both formulas are right",
    ("03", "masks", "0", "1"): "between 0 and 1 both formulas are right",
    ("03", "logaddexp", "np.logaddexp(0, -x)", "np.logaddexp(-x, 0)"): ORDER,
    ("04", "norm", "y - target", "target - y"): SQUARED,
    ("04", "loops", "y[n, i] - target[n, i]", "target[n, i] - y[n, i]"): SQUARED,
    ("04", "matrix", "y - target", "target - y"): SQUARED,
    ("04", "vdot", "y - target", "target - y"): SQUARED,
    ("05", "loops", "np.zeros_like", "np.ones_like"): WRITTEN,
    ("06", "loops", "np.zeros_like", "np.ones_like"): WRITTEN,
    ("06", "slope", "np.multiply(y, 1 - y)", "np.multiply(1 - y, y)"): ORDER,
    ("06", "slope", "np.multiply(slope, dy)", "np.multiply(dy, slope)"): ORDER,
    ("09", "loop", "('fc3', 'fc1')", "('fc1', 'fc3')"): ORDER,
    ("09", "loop", "name.replace('fc', 'relu')", "name.replace('relu', 'fc')"): MASK,
    ("09", "loop", "'fc'", "'fc_'"): MASK,
    (
        "10",
        "loops",
        "(param.copy(), exp_avg.copy(), exp_avg_sq.copy())",
        "(exp_avg.copy(), param.copy(), exp_avg_sq.copy())",
    ): WRITTEN,
    (
        "11",
        "loops",
        "min(max(x[n, i] + factor * rng.standard_normal(), 0), 1)",
        "min(1, max(x[n, i] + factor * rng.standard_normal(), 0))",
    ): ORDER,
    (
        "11",
        "loops",
        "max(x[n, i] + factor * rng.standard_normal(), 0)",
        "max(0, x[n, i] + factor * rng.standard_normal())",
    ): ORDER,
    (
        "11",
        "loops",
        "x[n, i] + factor * rng.standard_normal()",
        "x[n, i] - factor * rng.standard_normal()",
    ): SYMMETRIC,
    (
        "11",
        "matrix",
        "x + factor * rng.standard_normal(x.shape, dtype=x.dtype)",
        "x - factor * rng.standard_normal(x.shape, dtype=x.dtype)",
    ): SYMMETRIC,
    (
        "11",
        "normal",
        "x + rng.normal(0, factor, x.shape).astype(x.dtype)",
        "x - rng.normal(0, factor, x.shape).astype(x.dtype)",
    ): SYMMETRIC,
    ("11", "cast", "x + noise", "x - noise"): SYMMETRIC,
    ("11", "normal", "noisy < 0", "noisy <= 0"): CUT,
    ("11", "normal", "noisy > 1", "noisy >= 1"): CUT,
    ("12", "lines", "loss_forward(y, clean)", "loss_forward(clean, y)"): SQUARED,
    ("12", "comprehension", "loss_forward(y, clean)", "loss_forward(clean, y)"): SQUARED,
    ("12", "copies", "loss_forward(y, clean)", "loss_forward(clean, y)"): SQUARED,
    ("13", "loops", "np.zeros_like", "np.ones_like"): WRITTEN,
    (
        "13",
        "loops",
        "zip(logits, labels, strict=True)",
        "zip(logits, labels)",
    ): "there are as many labels as rows",
    ("13", "loops", "True", "False"): "there are as many labels as rows",
}


def reason(number: str, way: str, old: str, new: str) -> str | None:
    """Return why a mutant is as right as what it was made of, or None."""
    if (old, new) == ("0", "0.0"):
        return NUMBER
    return EQUIVALENT.get((number, way, old, new))
