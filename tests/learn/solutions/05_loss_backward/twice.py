def loss_backward(y, target):
    difference = y - target
    return difference + difference
