from compare.learn.given import linear_backward, relu_backward, sigmoid_backward


def network_backward(dy, cache, params):
    grads = {}
    for name, before in (("fc4", "relu3"), ("fc3", "fc2"), ("fc2", "relu1"), ("fc1", "input")):
        if name == "fc4":
            dy = sigmoid_backward(dy, cache["sigmoid"])
        if name in ("fc3", "fc1"):
            dy = relu_backward(dy, cache[name.replace("fc", "relu")])
        dy, dweight, dbias = linear_backward(dy, cache[before], params[name + ".weight"])
        grads[name + ".weight"], grads[name + ".bias"] = dweight, dbias
    return grads
