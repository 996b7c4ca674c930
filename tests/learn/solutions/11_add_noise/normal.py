def add_noise(x, factor, rng):
    noisy = x + rng.normal(0, factor, x.shape).astype(x.dtype)
    noisy[noisy < 0] = 0
    noisy[noisy > 1] = 1
    return noisy
