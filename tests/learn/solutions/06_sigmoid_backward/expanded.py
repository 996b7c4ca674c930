def sigmoid_backward(dy, y):
    return dy * (y - y**2)
