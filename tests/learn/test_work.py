"""Whatever code does in place of returning what it should has its sentence."""

import pytest

from compare.learn.catalogue import EXERCISES, Exercise, find
from compare.learn.grading import PASSED, WRONG, grade
from compare.learn.work import UNWRITTEN
from tests.learn.ways import ways

RIGHT = "    return np.maximum(x, 0)\n"


def said(body: str, head: str = "import numpy as np\ndef relu_forward(x):\n") -> tuple[str, str]:
    """Return state and sentence for a body of the ReLU's forward."""
    graded = grade(find("2"), (head + body).encode())
    return graded.state, graded.sentence


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("  return (", "Python cannot read it: '(' was never closed, in line 3: return ("),
        ("    if x > 0:\n    return x", "Python cannot read it: expected an indented block"),
        ("\treturn x\n        return x", "Python cannot read it: inconsistent use of tabs"),
        (
            "    return nothing",
            "raised NameError: name 'nothing' is not defined, in line 3: return",
        ),
        ("    x @ x\n", "relu_forward cannot multiply x (2, 3) by x (2, 3): the left one has 3"),
        ("    return np.log(x)", "relu_forward warns: "),
        ("    x[x < 0] = 0\n    return x", "relu_forward changes x, which it is given, in place"),
        ("    y = np.maximum(x, 0)\n", "relu_forward returns nothing: is there no `return`?"),
        ("    return x.tolist()", "relu_forward returns a list, where an array is needed"),
        ("    return x.astype(str)", "relu_forward returns an array of <U32, where real numbers"),
        ("    return x + 0j", "relu_forward returns an array of complex64, where real numbers"),
        ("    return x.T.clip(0)", "y has shape (3, 2), and (2, 3) is needed: it is the transpose"),
        ("    return x > 0", "y is wrong: it is 1 where x is above zero"),
        ("    return np.maximum(x, 0.0).astype(float)", "y is float64 where float32 was given"),
        ("    raise SystemExit", "relu_forward raised SystemExit, in line 3: raise SystemExit"),
        ("    return relu_forward(x)", "relu_forward raised RecursionError: maximum recursion"),
        ("    return input()", "relu_forward raised "),
        ("    return np.where(x > 0, x, np.nan)", "y has entries that are nan"),
    ],
)
def test_it_is_told_in_one_line(body: str, sentence: str) -> None:
    state, told = said(body)
    assert state == WRONG
    assert sentence in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def relu(x):\n    return x", "there is no function relu_forward in it any more"),
        ("relu_forward = 3", "there is no function relu_forward in it any more"),
        ("import nothing_of_the_kind", "the file raised ModuleNotFoundError: No module named"),
        ("x = '\udcff'", "there is a byte that is not UTF-8; save it so, in line 1"),
        ("# coding: nonsense", "Python cannot read it: unknown encoding: nonsense"),
        ("x = 1\n\n# \udcff", "a byte that is not UTF-8; save it so, in line 3: # \\xff"),
        ("x = 1\ny = 2\0", "Python cannot read it: there is a NUL character, in line 2: y = 2"),
        ("(" * 1000, "Python cannot read it: "),
        ("def relu_forward():\n    return 1", "raised TypeError: relu_forward() takes 0"),
    ],
)
def test_a_file_that_is_none_is_told(source: str, sentence: str) -> None:
    graded = grade(find("2"), source.encode(errors="surrogateescape"))
    assert graded.state == WRONG
    assert sentence in graded.sentence
    assert "\n" not in graded.sentence


@pytest.mark.parametrize(
    "body",
    ["    pass", "    ...", '    """Say."""', "    raise NotImplementedError", "    raise x"],
)
def test_not_written_yet_is_not_wrong(body: str) -> None:
    expected = WRONG if body.endswith("raise x") else UNWRITTEN
    assert said(body)[0] == expected


def test_half_written_is_not_written_yet() -> None:
    half = "    if (x > 0).all():\n        return x\n    raise NotImplementedError\n"
    assert said(half) == (UNWRITTEN, "relu_forward is not written yet")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("start", ["", "\ufeff", "# coding: latin-1\n"])
def test_line_ends_and_encodings_of_all_editors_are_read(start: str, end: str) -> None:
    text = f"{start}import numpy as np\ndef relu_forward(x):\n{RIGHT}".replace("\n", end)
    assert grade(find("2"), text.encode()).state == PASSED


def test_what_is_printed_is_shown_and_harms_nothing() -> None:
    for text, shown in (("x[0, 0]", "2.0"), ("'x' * 10**6", "x")):
        head = f"import numpy as np\ndef relu_forward(x):\n    print({text})\n"
        graded = grade(find("2"), (head + RIGHT).encode())
        assert graded.state == PASSED
        assert graded.lines[0] == "It prints:"
        assert graded.lines[1].startswith(shown)
        assert sum(map(len, graded.lines)) < 1000


def test_a_number_of_pythons_is_as_good_as_numpys() -> None:
    body = "def loss_forward(y, target):\n    return float(((y - target) ** 2).sum())\n"
    assert grade(find("4"), body.encode()).state == PASSED
    wrong = grade(find("4"), body.replace("y - t", "y + t").encode())
    assert wrong.sentence == "value is wrong: y and target are added, not subtracted"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "x @ weight",
            "cannot multiply x (2, 3) by weight (4, 3): the left one has 3",
        ),
        ("np.dot(x, weight)", "cannot multiply x (2, 3) by weight (4, 3): "),
        ("x.dot(weight)", "cannot multiply x (2, 3) by weight (4, 3): "),
        ("(lambda a: a @\n a)(x[:, :3] +\n x)", "cannot multiply a (2, 3) by a (2, 3): "),
        (
            "weight @ x.T + bias",
            "cannot broadcast weight @ x.T (4, 2) and bias (4,) together: NumPy aligns the last "
            "axes, and 2 is not 4",
        ),
        ("np.where(x > 0, x, weight)", "cannot call np.where with x > 0 (2, 3), x (2, 3), weight"),
        ("x.reshape(7)", "raised ValueError: cannot reshape array of size 6 into shape (7,)"),
    ],
)
def test_shapes_that_do_not_fit_are_told_with_their_operands(line: str, sentence: str) -> None:
    head = "import numpy as np\ndef linear_forward(x, weight, bias):\n    return "
    graded = grade(find("1"), (head + line).encode())
    assert graded.sentence.startswith(f"linear_forward {sentence}")
    assert "\n" not in graded.sentence


def test_shapes_that_do_not_fit_in_place_are_told_too() -> None:
    body = "def linear_forward(x, weight, bias):\n    x = x @ weight.T\n    x += bias[:, None]\n"
    said = grade(find("1"), body.encode()).sentence
    assert said.startswith("linear_forward cannot broadcast x (2, 4) and bias[:, None] (4, 1)")


def test_shapes_that_a_given_function_refuses_are_told_with_what_it_was_given() -> None:
    right = next(of for of in ways("09_network_backward") if of.stem == "lines").read_text()
    wrong = right.replace('params["fc4.weight"]', 'params["fc3.weight"]')
    said = grade(find("9"), wrong.encode()).sentence
    assert said.startswith("network_backward cannot call linear_backward with ")
    assert "params['fc3.weight'] (3, 2): the shapes do not fit, in line " in said


def test_a_warning_is_not_told_where_the_mistake_itself_is_known() -> None:
    right = next(of for of in ways("10_adam_step") if of.stem == "loops").read_text()
    wrong = right.replace("(1 - beta2) * g * g", "(1 - beta2) * g")
    said = grade(find("10"), wrong.encode())
    assert said.sentence == "exp_avg_sq is wrong: the gradient is not squared"


def test_a_function_is_judged_although_the_next_is_not_written_yet() -> None:
    template = find("13").template.decode()
    right = (
        "z = logits - logits.max(1)[:, None]\n"
        "    logp = z - np.log(np.exp(z).sum(1)[:, None])\n"
        "    return -logp[np.arange(len(z)), labels].sum()"
    )
    later = "softmax_cross_entropy_backward is not written yet"
    for body, said in (
        ("return float(logits[0, 0])", "value is wrong"),
        (right, f"softmax_cross_entropy_forward is right; {later}"),
    ):
        source = template.replace("raise NotImplementedError", body, 1)
        assert grade(find("13"), source.encode()).sentence.startswith(said)


def test_a_dict_that_is_changed_in_place_is_told() -> None:
    body = "def network_backward(dy, cache, params):\n    params['fc1.bias'] = dy\n    return {}\n"
    sentence = "network_backward changes params, which it is given, in place: return a new dict"
    assert grade(find("9"), body.encode()).sentence == sentence


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        ("dy", "returns a ndarray as gradients, where a dict is needed"),
        ("{'fc1.bias': dy}", "returns gradients without fc1.weight, fc2.weight, fc2.bias, fc3."),
    ],
)
def test_a_dict_that_is_none_or_lacks_something_is_told(returned: str, sentence: str) -> None:
    body = f"def network_backward(dy, cache, params):\n    return {returned}\n"
    assert sentence in grade(find("9"), body.encode()).sentence


def test_a_tuple_that_is_none_or_too_short_is_told() -> None:
    for returned, got in (("dy", "a ndarray"), ("(dy, x)", "a tuple of 2")):
        body = f"def linear_backward(dy, x, weight):\n    return {returned}\n"
        assert grade(find("8"), body.encode()).sentence == (
            f"linear_backward returns {got}, where a tuple of 3 is needed: dx, dweight, dbias"
        )


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda of: of.name)
@pytest.mark.parametrize("shape", ["()", "(1,)", "(7, 2)", "(1, 1, 1)", "(0, 3)"])
def test_a_result_of_any_shape_is_judged(exercise: Exercise, shape: str) -> None:
    import_line, result = "import numpy as np\n", f"np.ones({shape}, np.float32)"
    source = import_line
    for task in exercise.tasks:
        by_name = "{name: %s for name in args[-1]}" % result  # noqa: UP031 - braces are the code's
        returned = {
            "linear_backward": f"({result},) * 3",
            "adam_step": f"({result},) * 3",
            "network_backward": by_name,
            "train_step": "(%s, {n: %s for n in args[0]}, {n: (%s,) * 2 for n in args[0]})"
            % ((result,) * 3),
        }.get(task.function, result)
        source += f"def {task.function}(*args):\n    return {returned}\n"
    graded = grade(exercise, source.encode())
    assert graded.state == WRONG
    assert "shape" in graded.sentence or graded.kind not in ("raised", "type")
