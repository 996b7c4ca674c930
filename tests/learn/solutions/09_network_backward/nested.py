from compare.learn.given import linear_backward, relu_backward, sigmoid_backward


def network_backward(dy, cache, params):
    def linear(name, before, dy):
        dx, *both = linear_backward(dy, cache[before], params[f"{name}.weight"])
        grads[f"{name}.weight"], grads[f"{name}.bias"] = both
        return dx

    grads = {}
    relu3 = linear("fc4", "relu3", sigmoid_backward(dy, cache["sigmoid"]))
    fc2 = linear("fc3", "fc2", relu_backward(relu3, cache["fc3"]))
    relu1 = linear("fc2", "relu1", fc2)
    linear("fc1", "input", relu_backward(relu1, cache["fc1"]))
    return grads
