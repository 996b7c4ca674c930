def add_noise(x, factor, rng):
    noisy = x.copy()
    for n in range(x.shape[0]):
        for i in range(x.shape[1]):
            noisy[n, i] = min(max(x[n, i] + factor * rng.standard_normal(), 0), 1)
    return noisy
