def loss_forward(y, target):
    total = 0.0
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            total += (y[n, i] - target[n, i]) ** 2
    return total
