"""Formulas, written as the Python expressions that the tests evaluate, turned into the MathML that a reader sees.

What is shown is what is checked: there is no second text that could say something else.
"""

import ast

from markupsafe import Markup

SYMBOLS = {  # a variable of the NumPy code, as a formula writes it
    "x": "<mi>x</mi>",
    "y": "<mi>y</mi>",
    "weight": "<mi>W</mi>",
    "bias": "<mi>b</mi>",
    "dy": '<mrow><mi mathvariant="normal">d</mi><mi>y</mi></mrow>',
    "dx": '<mrow><mi mathvariant="normal">d</mi><mi>x</mi></mrow>',
    "dweight": '<mrow><mi mathvariant="normal">d</mi><mi>W</mi></mrow>',
    "dbias": '<mrow><mi mathvariant="normal">d</mi><mi>b</mi></mrow>',
    "target": "<mi>t</mi>",
    "value": "<mi>L</mi>",
    "exp_avg": "<mi>m</mi>",
    "exp_avg_sq": "<mi>v</mi>",
    "param": "<mi>θ</mi>",
    "grad": "<mi>g</mi>",
    "beta1": "<msub><mi>β</mi><mn>1</mn></msub>",
    "beta2": "<msub><mi>β</mi><mn>2</mn></msub>",
    "eps": "<mi>ε</mi>",
    "lr": "<mi>lr</mi>",
    "step": "<mi>k</mi>",
    "ones": "<mn>𝟏</mn>",
    "noisy": "<mover><mi>x</mi><mo>~</mo></mover>",
    "clean": "<mi>x</mi>",
    "noise": "<mi>σ</mi>",
    "normal": "<mi>n</mi>",
}
FUNCTIONS = {"maximum": "max", "minimum": "min", "clip": "clip"}
SUM, PRODUCT, UNARY, POWER, ATOM = range(5)  # how tightly a formula's parts hold together


def formula(expression: str, result: str = "", *, block: bool = False) -> Markup:
    """Return `result = expression` as MathML; each variable of the code bears its name in `data-symbol`.

    With an index, x[n, i], a formula is about one element and a product of elements needs no sign; without, it is about
    arrays, `*` is ⊙, element by element, and `@` the matrix product.
    """
    body = _Writer(of_elements="[" in expression).write(_parse(expression))[0]
    if result:
        updated = result.split("[")[0] in symbols(expression)
        body = f"{_Writer(of_elements=True).write(_parse(result))[0]}<mo>{'←' if updated else '='}</mo>{body}"
    display = ' display="block"' if block else ""
    return Markup(f"<math{display}><mrow>{body}</mrow></math>")


def symbols(expression: str) -> list[str]:
    """Return the variables of the code that an expression names, in order of appearance."""
    names = [node.id for node in ast.walk(_parse(expression)) if isinstance(node, ast.Name)]
    return list(dict.fromkeys(name for name in names if name in SYMBOLS))


def _parse(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


class _Writer:
    def __init__(self, *, of_elements: bool) -> None:
        self.of_elements = of_elements

    def write(self, node: ast.expr) -> tuple[str, int]:
        """Return a node's MathML and how tightly it holds together."""
        writer = getattr(self, f"_{type(node).__name__}", None)
        unknown = isinstance(node, ast.Name) and node.id not in SYMBOLS
        if writer is None or unknown:
            raise ValueError(f"a formula cannot hold {ast.unparse(node)}")
        written: tuple[str, int] = writer(node)
        return written

    def tight(self, node: ast.expr, least: int) -> str:
        """Return a node's MathML, in parentheses unless it holds together tightly enough."""
        text, tightness = self.write(node)
        return text if tightness >= least else f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"

    def _Name(self, node: ast.Name) -> tuple[str, int]:
        return f'<mrow data-symbol="{node.id}">{SYMBOLS[node.id]}</mrow>', ATOM

    def _Constant(self, node: ast.Constant) -> tuple[str, int]:
        return f"<mn>{node.value!r}</mn>", ATOM

    def _Subscript(self, node: ast.Subscript) -> tuple[str, int]:
        indices = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        below = "".join(f"<mi>{ast.unparse(index)}</mi>" for index in indices)
        return f"<msub>{self.tight(node.value, ATOM)}<mrow>{below}</mrow></msub>", ATOM

    def _Attribute(self, node: ast.Attribute) -> tuple[str, int]:
        return f"<msup>{self.tight(node.value, ATOM)}<mo>⊤</mo></msup>", ATOM  # .T, the only one

    def _UnaryOp(self, node: ast.UnaryOp) -> tuple[str, int]:
        return f"<mrow><mo>−</mo>{self.tight(node.operand, UNARY)}</mrow>", UNARY

    def _BinOp(self, node: ast.BinOp) -> tuple[str, int]:
        if isinstance(node.op, ast.Div):
            return (
                f"<mfrac><mrow>{self.write(node.left)[0]}</mrow><mrow>{self.write(node.right)[0]}</mrow></mfrac>",
                ATOM,
            )
        if isinstance(node.op, ast.Pow):
            return f"<msup>{self.tight(node.left, ATOM)}<mrow>{self.write(node.right)[0]}</mrow></msup>", POWER
        if isinstance(node.op, ast.Add):
            return f"{self.write(node.left)[0]}<mo>+</mo>{self.tight(node.right, SUM)}", SUM
        if isinstance(node.op, ast.Sub):
            return f"{self.write(node.left)[0]}<mo>−</mo>{self.tight(node.right, PRODUCT)}", SUM
        by_element = isinstance(node.op, ast.Mult) and not self.of_elements and not _scalar(node)
        sign = "<mo>⊙</mo>" if by_element else '<mspace width="0.15em"/>'
        return f"{self.tight(node.left, PRODUCT)}{sign}{self.tight(node.right, PRODUCT)}", PRODUCT

    def _Compare(self, node: ast.Compare) -> tuple[str, int]:
        left, right = self.write(node.left)[0], self.write(node.comparators[0])[0]
        return f"<mrow><mo>[</mo>{left}<mo>&gt;</mo>{right}<mo>]</mo></mrow>", ATOM  # 1 where it holds, else 0

    def _Call(self, node: ast.Call) -> tuple[str, int]:
        name = ast.unparse(node.func)
        if name == "exp":
            return f"<msup><mi>e</mi><mrow>{self.write(node.args[0])[0]}</mrow></msup>", POWER
        if name == "sqrt":
            return f"<msqrt>{self.write(node.args[0])[0]}</msqrt>", ATOM
        if name == "sum":
            return self._sum(node.args[0])
        arguments = "<mo>,</mo>".join(self.write(argument)[0] for argument in node.args)
        return f"<mrow><mi>{FUNCTIONS[name]}</mi><mo>(</mo>{arguments}<mo>)</mo></mrow>", ATOM

    def _sum(self, over: ast.expr) -> tuple[str, int]:
        sign = '<mo largeop="true">∑</mo>'
        if isinstance(over, ast.GeneratorExp):
            below = "".join(f"<mi>{ast.unparse(loop.target)}</mi>" for loop in over.generators)
            return f"<munder>{sign}<mrow>{below}</mrow></munder>{self.tight(over.elt, PRODUCT)}", PRODUCT
        return f"{sign}{self.tight(over, PRODUCT)}", PRODUCT


def _scalar(node: ast.BinOp) -> bool:
    """Whether one factor of a product is a number, so that it needs no sign."""
    of_numbers = ("beta1", "beta2", "lr", "eps", "step", "noise")
    return any(
        all(name.id in of_numbers for name in ast.walk(side) if isinstance(name, ast.Name))
        for side in (node.left, node.right)
    )
