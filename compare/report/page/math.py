"""Formulas, written as the Python that the tests evaluate, as MathML and as LaTeX.

What is shown is what is checked: there is no second text that could say something else.
"""

import ast
import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup

LETTERS = {  # a variable of the NumPy code, as a formula writes it
    "x": "x",
    "y": "y",
    "weight": "W",
    "bias": "b",
    "target": "t",
    "value": "L",
    "clean": "x",
    "factor": "σ",
    "mean": "μ",
    "std": "σ",
    "logvar": "ℓ",
    "noise": "ε",
    "normal": "z",
    "param": "θ",
    "grad": "g",
    "exp_avg": "m",
    "exp_avg_sq": "v",
    "beta": "β",
    "eps": "ε",
    "step": "k",
    "ones": "𝟏",
}
SYMBOLS = {  # and those that are more than a letter
    **{name: ("letter", letter) for name, letter in LETTERS.items()},
    **{
        f"d{name}": ("gradient", LETTERS[name])
        for name in ("x", "y", "weight", "bias", "mean", "std", "logvar")
    },
    "noisy": ("tilde", "x"),
    "beta1": ("numbered", "β", "1"),
    "beta2": ("numbered", "β", "2"),
    "lr": ("word", "lr"),
}
FUNCTIONS = {"maximum": "max", "minimum": "min", "clip": "clip", "N": "N"}
SIGNS = {
    ast.Eq: "=",
    ast.Gt: ">",
    ast.GtE: "≥",
    ast.Lt: "<",
    ast.LtE: "≤",
    ast.Add: "+",
    ast.Sub: "−",
}
RELATION, SUM, PRODUCT, UNARY, POWER, ATOM = range(6)  # how tightly a formula's parts hold together

MATHML = {
    name: Markup(template)
    for name, template in {
        "letter": "<mi>{}</mi>",
        "word": "<mi>{}</mi>",
        "gradient": '<mrow><mi mathvariant="normal">d</mi><mi>{}</mi></mrow>',
        "tilde": "<mover><mi>{}</mi><mo>~</mo></mover>",
        "numbered": "<msub><mi>{}</mi><mn>{}</mn></msub>",
        "variable": '<mrow data-symbol="{}">{}</mrow>',
        "number": "<mn>{}</mn>",
        "sign": "<mo>{}</mo>",
        "space": '<mspace width="0.15em"/>',
        "nothing": "",
        "below": "<msub>{}<mrow>{}</mrow></msub>",
        "above": "<msup>{}<mrow>{}</mrow></msup>",
        "transposed": "<msup>{}<mo>⊤</mo></msup>",
        "fraction": "<mfrac><mrow>{}</mrow><mrow>{}</mrow></mfrac>",
        "root": "<msqrt>{}</msqrt>",
        "enclosed": '<mrow><mo stretchy="false">{}</mo>{}<mo stretchy="false">{}</mo></mrow>',
        "prefixed": "<mrow><mo>{}</mo>{}</mrow>",
        "total": '<mo largeop="true">∑</mo>{}',
        "sum": '<munder><mo largeop="true">∑</mo><mrow>{}</mrow></munder>{}',
    }.items()
}
LATEX = {  # no backslash before punctuation, no brace before an underscore: Markdown uses both
    "letter": "{}",
    "word": r"\mathrm{{{}}}",
    "gradient": r"\mathrm d{}",
    "tilde": r"\tilde {}",
    "numbered": "{}_{}",
    "variable": "{1}",
    "number": "{}",
    "sign": " {} ",
    "space": " ",
    "nothing": "",
    "below": "{}_{{{}}}",
    "above": "{}^{{{}}}",
    "transposed": "{}^⊤",
    "fraction": r"\frac{{{}}}{{{}}}",
    "root": r"\sqrt{{{}}}",
    "enclosed": "{}{}{}",
    "prefixed": "{}{}",
    "total": "∑ {}",
    "sum": "∑_{{{}}} {}",
}
COMMANDS = str.maketrans(
    {
        "σ": r"\sigma ",
        "μ": r"\mu ",
        "ℓ": r"\ell ",
        "θ": r"\theta ",
        "β": r"\beta ",
        "ε": r"\varepsilon ",
        "𝟏": r"\mathbf 1",
        "⊤": r"\top ",
        "∑": r"\sum ",
        "∂": r"\partial ",
        "⊙": r"\odot ",
        "←": r"\leftarrow ",
        "−": "-",
        "≥": r"\ge ",
        "≤": r"\le ",
        "<": r"\lt ",
        ">": r"\gt ",
    }
)


def formula(text: str, *, block: bool = False) -> Markup:
    """Return an expression or assignment as MathML; a variable has its name in `data-symbol`.

    An assignment to an array, `y = x @ weight.T`, is about arrays: `*` is ⊙, element by element.
    Any other formula is about elements, y[n, i], whose products need no sign. A condition within a
    formula is 1 where it holds and 0 elsewhere. `partial(y) / partial(x)` is a derivative.
    """
    display = ' display="block"' if block else ""
    return Markup(f"<math{display}><mrow>{_written(text, MATHML)}</mrow></math>")


def latex(text: str) -> str:
    """Return the same in LaTeX, without the dollar signs around it."""
    written = _written(text, LATEX).translate(COMMANDS)
    return re.sub(r" +(?=[ ,_^}]|$)", "", written)


def _written(text: str, notation: Mapping[str, str]) -> str:
    (statement,) = ast.parse(text).body
    of_arrays = isinstance(statement, ast.Assign) and "[" not in text
    node = statement.value if isinstance(statement, ast.Expr) else statement
    return _Writer(notation, of_arrays=of_arrays).write(node)[0]


class _Writer:
    def __init__(self, notation: Mapping[str, str], *, of_arrays: bool) -> None:
        self.notation = notation
        self.of_arrays = of_arrays

    def put(self, name: str, *parts: str) -> str:
        """Return what the notation makes of some parts."""
        return self.notation[name].format(*parts)

    def write(self, node: ast.AST) -> tuple[str, int]:
        """Return a node as it is written and how tightly it holds together."""
        writer = getattr(self, f"_{type(node).__name__}", None)
        if writer is None:
            raise ValueError(f"a formula cannot hold {ast.unparse(node)}")
        written: tuple[str, int] = writer(node)
        return written

    def tight(self, node: ast.AST, least: int) -> str:
        """Return a node as it is written, in parentheses or brackets unless it is tight enough."""
        text, tightness = self.write(node)
        if tightness >= least:
            return text
        return self.put(
            "enclosed", *(("[", text, "]") if tightness == RELATION else ("(", text, ")"))
        )

    def _Assign(self, node: ast.Assign) -> tuple[str, int]:
        (target,) = node.targets
        name = target.value if isinstance(target, ast.Subscript) else target
        again = ast.unparse(name) in {
            of.id for of in ast.walk(node.value) if isinstance(of, ast.Name)
        }
        sign = self.put("sign", "←" if again else "=")
        return self.write(target)[0] + sign + self.write(node.value)[0], RELATION

    def _Compare(self, node: ast.Compare) -> tuple[str, int]:
        text = self.tight(node.left, SUM)
        for sign, right in zip(node.ops, node.comparators, strict=True):
            text += self.put("sign", SIGNS[type(sign)]) + self.tight(right, SUM)
        return text, RELATION

    def _Name(self, node: ast.Name) -> tuple[str, int]:
        if node.id in SYMBOLS:
            return self.put("variable", node.id, self.put(*SYMBOLS[node.id])), ATOM
        if len(node.id) > 1:
            raise ValueError(f"a formula cannot hold {node.id}")
        return self.put("letter", node.id), ATOM  # an index

    def _Constant(self, node: ast.Constant) -> tuple[str, int]:
        return self.put("number", repr(node.value)), ATOM

    def _Subscript(self, node: ast.Subscript) -> tuple[str, int]:
        indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return self.put("below", self.tight(node.value, ATOM), self._side_by_side(indices)), ATOM

    def _Attribute(self, node: ast.Attribute) -> tuple[str, int]:
        return self.put("transposed", self.tight(node.value, ATOM)), ATOM  # .T, the only one

    def _UnaryOp(self, node: ast.UnaryOp) -> tuple[str, int]:
        return self.put("prefixed", "−", self.tight(node.operand, UNARY)), UNARY

    def _BinOp(self, node: ast.BinOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Div):
            return self.put("fraction", self.write(node.left)[0], self.write(node.right)[0]), ATOM
        if isinstance(node.op, ast.Pow):
            return self.put("above", self.tight(node.left, ATOM), self.write(node.right)[0]), POWER
        if isinstance(node.op, ast.Add | ast.Sub):
            right = self.tight(node.right, SUM if isinstance(node.op, ast.Add) else PRODUCT)
            return self.tight(node.left, SUM) + self.put("sign", SIGNS[type(node.op)]) + right, SUM
        by_element = self.of_arrays and isinstance(node.op, ast.Mult) and not _scalar(node)
        sign = self.put("sign", "⊙") if by_element else self.put("space")
        return self.tight(node.left, PRODUCT) + sign + self.tight(node.right, PRODUCT), PRODUCT

    def _Call(self, node: ast.Call) -> tuple[str, int]:
        name = ast.unparse(node.func)
        if name == "sum":
            return self._sum(node.args[0])
        arguments = [self.write(argument)[0] for argument in node.args]
        if name == "exp":
            return self.put("above", self.put("letter", "e"), *arguments), POWER
        if name == "sqrt":
            return self.put("root", *arguments), ATOM
        if name == "partial":
            return self.put("prefixed", "∂", *arguments), UNARY
        listed = self.put("sign", ",").join(arguments)
        return self.put("word", FUNCTIONS[name]) + self.put("enclosed", "(", listed, ")"), ATOM

    def _sum(self, over: ast.expr) -> tuple[str, int]:
        if isinstance(over, ast.GeneratorExp):
            indices = self._side_by_side([loop.target for loop in over.generators])
            return self.put("sum", indices, self.tight(over.elt, PRODUCT)), PRODUCT
        return self.put("total", self.tight(over, PRODUCT)), PRODUCT

    def _side_by_side(self, indices: Sequence[ast.expr]) -> str:
        return self.put("nothing").join(self.write(index)[0] for index in indices)


def _scalar(node: ast.BinOp) -> bool:
    """Whether one factor of a product is a number, so that it needs no sign."""
    of_numbers = ("beta1", "beta2", "lr", "eps", "step", "noise")
    return any(
        all(name.id in of_numbers for name in ast.walk(side) if isinstance(name, ast.Name))
        for side in (node.left, node.right)
    )
