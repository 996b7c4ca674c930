def add_noise(x, factor, rng):
    noise = factor * rng.standard_normal(x.shape)
    return (x + noise).clip(0, 1).astype(x.dtype)
