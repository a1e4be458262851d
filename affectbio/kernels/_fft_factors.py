"""What a mixed-radix Fourier transform needs to know of its length: its passes and the factors of each.

For the compiled transform of `affectbio.kernels._jit_fft`, but without Numba, so that a plan can be made anywhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["radices", "twiddles"]


def radices(n: int) -> npt.NDArray[np.int64]:
    """Give the passes of a transform of length ``n``: 8 first and 4 or 8 last if n is a multiple of 64."""
    odd, rest = [], n
    for radix in (5, 3):
        while rest % radix == 0:
            odd.append(radix)
            rest //= radix
    twos = rest.bit_length() - 1
    if rest != 1 << twos:
        raise ValueError(f"expected a length with no other primes than 2, 3 and 5; found {n}")
    # As few passes as can be: each reads and writes everything. Two of 4 do what one of 8 and one of 2 do, better.
    eights, left = divmod(twos, 3)
    if left == 1 and eights:
        eights, left = eights - 1, 4
    small = {0: [], 1: [2], 2: [4], 4: [4, 4]}[left]
    return np.array([8] * min(1, eights) + odd + [8] * (eights - 1) + small, np.int64)


def twiddles(n: int) -> npt.NDArray[np.float64]:
    """Give the factors exp(-2πi p k / length) of all passes, real and imaginary parts in turn, shape (n_factors, 2)."""
    factors = []
    for radix in radices(n):
        p, k = np.arange(n // radix)[:, None], np.arange(1, radix)
        turned = np.exp(-2j * np.pi * p * k / n).ravel()
        factors.append(np.stack([turned.real, turned.imag], axis=-1))
        n //= radix
    return np.concatenate(factors)
