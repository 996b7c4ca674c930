def linear_forward(x, weight, bias):
    return x @ weight.T + bias
