from compare.learn.given import linear_backward, relu_backward, sigmoid_backward


def network_backward(dy, cache, params):
    d = {}
    d["fc4"] = sigmoid_backward(dy, cache["sigmoid"])
    d["relu3"], d["fc4.weight"], d["fc4.bias"] = linear_backward(
        d["fc4"], cache["relu3"], params["fc4.weight"]
    )
    d["fc3"] = relu_backward(d["relu3"], cache["relu3"])
    d["fc2"], d["fc3.weight"], d["fc3.bias"] = linear_backward(
        d["fc3"], cache["fc2"], params["fc3.weight"]
    )
    d["relu1"], d["fc2.weight"], d["fc2.bias"] = linear_backward(
        d["fc2"], cache["relu1"], params["fc2.weight"]
    )
    d["fc1"] = relu_backward(d["relu1"], cache["relu1"])
    _, d["fc1.weight"], d["fc1.bias"] = linear_backward(
        d["fc1"], cache["input"], params["fc1.weight"]
    )
    return d
