def relu_forward(x):
    y = x.copy()
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            if y[n, i] < 0:
                y[n, i] = 0
    return y
