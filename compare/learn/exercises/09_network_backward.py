"""The network, backward: one layer's dx is the dy of the layer before it."""

from compare.learn.given import linear_backward, relu_backward, sigmoid_backward


def network_backward(dy, cache, params):
    """Return the gradient of every parameter: a dict with the names that params has.

    The network is fc1 → relu1 → fc2 → fc3 → relu3 → fc4 → sigmoid. Given are

        dy      (n, pixels), the gradient of the sigmoid's output
        cache   what the forward computed, by name: cache["input"] is the network's x, and
                cache["fc1"], cache["relu1"], … cache["sigmoid"] are the outputs of the layers
        params  "fc1.weight" (out, in), "fc1.bias" (out,), … "fc4.weight", "fc4.bias"

    The backward of every layer is there already, as you have written it in the exercises before:

        sigmoid_backward(dy, y) -> dx
        relu_backward(dy, y) -> dx
        linear_backward(dy, x, weight) -> (dx, dweight, dbias)

    What is the x of each linear layer, and what the y of each of the others? The dict may hold the
    gradients of activations, too; only those of the parameters are judged.
    """
    raise NotImplementedError
