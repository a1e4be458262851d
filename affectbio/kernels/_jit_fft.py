# mypy: ignore-errors
"""Fourier transforms of several channels at once, one in each lane, for lengths 2^a 3^b 5^c.

Stockham's self-sorting algorithm with decimation in frequency (Van Loan, Computational Frameworks for the Fast Fourier
Transform, 1992, section 1.7): every pass reads one buffer and writes the other, in order. Element k of all lanes lies
at k LANES; real and imaginary parts lie in arrays of their own. Exchanging these on the way in and out inverts the
transform, up to its length.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from affectbio.kernels._jit_lanes import fma, fms, load, spread, spread_from, store

LANES = 8


def radices(n: int) -> npt.NDArray[np.int64]:
    """Give the passes of a transform of length ``n``: 5, 3, 2, 4 and 8, the last of them 4 where n allows."""
    passes, rest = [], n
    for radix in (5, 3):
        while rest % radix == 0:
            passes.append(radix)
            rest //= radix
    twos = rest.bit_length() - 1
    if rest != 1 << twos:
        raise ValueError(f"expected a length with no other primes than 2, 3 and 5; found {n}")
    # As few passes as can be: each reads and writes everything.
    eights = max(0, twos - 2) // 3
    twos -= 3 * eights
    return np.array(passes + [2] * (twos % 2) + [8] * eights + [4] * (twos // 2), np.int64)


def twiddles(n: int) -> npt.NDArray[np.float64]:
    """Give the factors exp(-2πi p k / length) of all passes, real and imaginary parts in turn, shape (n_factors, 2)."""
    factors = []
    for radix in radices(n):
        p, k = np.arange(n // radix)[:, None], np.arange(1, radix)
        turned = np.exp(-2j * np.pi * p * k / n).ravel()
        factors.append(np.stack([turned.real, turned.imag], axis=-1))
        n //= radix
    return np.concatenate(factors)


@nb.njit(cache=True, nogil=True)
def fft(n, passes, factors, re, im, re2, im2):
    """Transform (re, im), with (re2, im2) to work in, and say whether the result lies there.

    n: the length; passes, factors: of `radices` and `twiddles`, flat, in the kind of float of the signal; re, im, re2,
    im2 (n LANES).
    """
    stride, at = 1, 0
    for radix in passes:
        n //= radix
        if radix == 4:
            _pass4(n, stride, factors, at, re, im, re2, im2)
        elif radix == 8:
            _pass8(n, stride, factors, at, re, im, re2, im2)
        elif radix == 2:
            _pass2(n, stride, factors, at, re, im, re2, im2)
        elif radix == 3:
            _pass3(n, stride, factors, at, re, im, re2, im2)
        else:
            _pass5(n, stride, factors, at, re, im, re2, im2)
        at += n * (radix - 1) * 2
        stride *= radix
        re, im, re2, im2 = re2, im2, re, im
    return len(passes) % 2 == 1


@nb.njit(cache=True, nogil=True)
def fft_power(n, passes, factors, re, im, re2, im2, out, at):
    """Transform (re, im) as `fft` does, the last pass being 4, and write the power of each element from ``at`` on."""
    if fft(n, passes[:-1], factors, re, im, re2, im2):
        re, im = re2, im2
    step = n // 4 * LANES
    for i in range(0, step, LANES):
        ar, ai = load(re, i, LANES), load(im, i, LANES)
        br, bi = load(re, i + step, LANES), load(im, i + step, LANES)
        cr, ci = load(re, i + 2 * step, LANES), load(im, i + 2 * step, LANES)
        dr, di = load(re, i + 3 * step, LANES), load(im, i + 3 * step, LANES)
        sr, si, tr, ti = ar + cr, ai + ci, br + dr, bi + di
        ur, ui, vr, vi = ar - cr, ai - ci, br - dr, bi - di
        _square(sr + tr, si + ti, out, at + i)
        _square(ur + vi, ui - vr, out, at + i + step)
        _square(sr - tr, si - ti, out, at + i + 2 * step)
        _square(ur - vi, ui + vr, out, at + i + 3 * step)


@nb.njit(cache=True, nogil=True, inline="always")
def _square(x, y, out, to):
    store(out, to, fma(x, x, y * y))


# A pass takes n groups of `radix` elements that are n * stride apart, transforms each, and turns output k of group p by
# factor k of p.


@nb.njit(cache=True, nogil=True, inline="always")
def _turn(x, y, factors, at, re, im, to):
    """Store (x + iy) times a factor."""
    c, s = spread_from(factors, at, LANES), spread_from(factors, at + 1, LANES)
    store(re, to, fms(x, c, y * s))
    store(im, to, fma(x, s, y * c))


@nb.njit(cache=True, nogil=True)
def _pass2(n, stride, factors, at, re, im, re2, im2):
    apart, step = n * stride * LANES, stride * LANES
    for p in range(n):
        for q in range(stride):
            i, o = (p * stride + q) * LANES, (2 * p * stride + q) * LANES
            ar, ai = load(re, i, LANES), load(im, i, LANES)
            br, bi = load(re, i + apart, LANES), load(im, i + apart, LANES)
            store(re2, o, ar + br)
            store(im2, o, ai + bi)
            _turn(ar - br, ai - bi, factors, at + 2 * p, re2, im2, o + step)


@nb.njit(cache=True, nogil=True)
def _pass3(n, stride, factors, at, re, im, re2, im2):
    apart, step = n * stride * LANES, stride * LANES
    half, sine = spread(re.dtype.type(0.5), LANES), spread(re.dtype.type(0.8660254037844386), LANES)
    for p in range(n):
        w = at + 4 * p
        for q in range(stride):
            i, o = (p * stride + q) * LANES, (3 * p * stride + q) * LANES
            ar, ai = load(re, i, LANES), load(im, i, LANES)
            br, bi = load(re, i + apart, LANES), load(im, i + apart, LANES)
            cr, ci = load(re, i + 2 * apart, LANES), load(im, i + 2 * apart, LANES)
            sr, si = br + cr, bi + ci
            dr, di = sine * (br - cr), sine * (bi - ci)
            mr, mi = ar - half * sr, ai - half * si
            store(re2, o, ar + sr)
            store(im2, o, ai + si)
            _turn(mr + di, mi - dr, factors, w, re2, im2, o + step)
            _turn(mr - di, mi + dr, factors, w + 2, re2, im2, o + 2 * step)


@nb.njit(cache=True, nogil=True)
def _pass4(n, stride, factors, at, re, im, re2, im2):
    apart, step = n * stride * LANES, stride * LANES
    for p in range(n):
        w = at + 6 * p
        for q in range(stride):
            i, o = (p * stride + q) * LANES, (4 * p * stride + q) * LANES
            ar, ai = load(re, i, LANES), load(im, i, LANES)
            br, bi = load(re, i + apart, LANES), load(im, i + apart, LANES)
            cr, ci = load(re, i + 2 * apart, LANES), load(im, i + 2 * apart, LANES)
            dr, di = load(re, i + 3 * apart, LANES), load(im, i + 3 * apart, LANES)
            sr, si, tr, ti = ar + cr, ai + ci, br + dr, bi + di
            ur, ui, vr, vi = ar - cr, ai - ci, br - dr, bi - di
            store(re2, o, sr + tr)
            store(im2, o, si + ti)
            _turn(ur + vi, ui - vr, factors, w, re2, im2, o + step)
            _turn(sr - tr, si - ti, factors, w + 2, re2, im2, o + 2 * step)
            _turn(ur - vi, ui + vr, factors, w + 4, re2, im2, o + 3 * step)


@nb.njit(cache=True, nogil=True)
def _pass5(n, stride, factors, at, re, im, re2, im2):
    apart, step = n * stride * LANES, stride * LANES
    number = re.dtype.type
    c1, c2 = spread(number(0.30901699437494745), LANES), spread(number(-0.8090169943749473), LANES)
    s1, s2 = spread(number(0.9510565162951535), LANES), spread(number(0.5877852522924731), LANES)
    for p in range(n):
        w = at + 8 * p
        for q in range(stride):
            i, o = (p * stride + q) * LANES, (5 * p * stride + q) * LANES
            ar, ai = load(re, i, LANES), load(im, i, LANES)
            br, bi = load(re, i + apart, LANES), load(im, i + apart, LANES)
            cr, ci = load(re, i + 2 * apart, LANES), load(im, i + 2 * apart, LANES)
            dr, di = load(re, i + 3 * apart, LANES), load(im, i + 3 * apart, LANES)
            er, ei = load(re, i + 4 * apart, LANES), load(im, i + 4 * apart, LANES)
            tr, ti, ur, ui = br + er, bi + ei, cr + dr, ci + di
            vr, vi, zr, zi = br - er, bi - ei, cr - dr, ci - di
            store(re2, o, ar + tr + ur)
            store(im2, o, ai + ti + ui)
            mr, mi = fma(c1, tr, fma(c2, ur, ar)), fma(c1, ti, fma(c2, ui, ai))
            nr, ni = fma(s1, vr, s2 * zr), fma(s1, vi, s2 * zi)
            _turn(mr + ni, mi - nr, factors, w, re2, im2, o + step)
            _turn(mr - ni, mi + nr, factors, w + 6, re2, im2, o + 4 * step)
            mr, mi = fma(c2, tr, fma(c1, ur, ar)), fma(c2, ti, fma(c1, ui, ai))
            nr, ni = fms(s2, vr, s1 * zr), fms(s2, vi, s1 * zi)
            _turn(mr + ni, mi - nr, factors, w + 2, re2, im2, o + 2 * step)
            _turn(mr - ni, mi + nr, factors, w + 4, re2, im2, o + 3 * step)


@nb.njit(cache=True, nogil=True)
def _pass8(n, stride, factors, at, re, im, re2, im2):
    apart, step = n * stride * LANES, stride * LANES
    root = spread(re.dtype.type(0.7071067811865476), LANES)
    for p in range(n):
        w = at + 14 * p
        for q in range(stride):
            i, o = (p * stride + q) * LANES, (8 * p * stride + q) * LANES
            ar, ai = load(re, i, LANES), load(im, i, LANES)
            er, ei = load(re, i + 4 * apart, LANES), load(im, i + 4 * apart, LANES)
            cr, ci = load(re, i + 2 * apart, LANES), load(im, i + 2 * apart, LANES)
            gr, gi = load(re, i + 6 * apart, LANES), load(im, i + 6 * apart, LANES)
            br, bi = load(re, i + apart, LANES), load(im, i + apart, LANES)
            fr, fi = load(re, i + 5 * apart, LANES), load(im, i + 5 * apart, LANES)
            dr, di = load(re, i + 3 * apart, LANES), load(im, i + 3 * apart, LANES)
            hr, hi = load(re, i + 7 * apart, LANES), load(im, i + 7 * apart, LANES)
            # Even outputs: a transform of four sums.
            kr, ki, lr, li = ar + er, ai + ei, cr + gr, ci + gi
            mr, mi, nr, ni = br + fr, bi + fi, dr + hr, di + hi
            sr, si, tr, ti = kr + lr, ki + li, mr + nr, mi + ni
            ur, ui, vr, vi = kr - lr, ki - li, mr - nr, mi - ni
            store(re2, o, sr + tr)
            store(im2, o, si + ti)
            _turn(ur + vi, ui - vr, factors, w + 2, re2, im2, o + 2 * step)
            _turn(sr - tr, si - ti, factors, w + 6, re2, im2, o + 4 * step)
            _turn(ur - vi, ui + vr, factors, w + 10, re2, im2, o + 6 * step)
            # Odd outputs: of four differences, turned by 0, 45, 90 and 135 degrees.
            kr, ki, lr, li = ar - er, ai - ei, ci - gi, gr - cr
            mr, mi, nr, ni = br - fr, bi - fi, dr - hr, di - hi
            mr, mi, nr, ni = root * (mr + mi), root * (mi - mr), root * (ni - nr), root * (nr + ni)
            sr, si, tr, ti = kr + lr, ki + li, mr + nr, mi - ni
            ur, ui, vr, vi = kr - lr, ki - li, mr - nr, mi + ni
            _turn(sr + tr, si + ti, factors, w, re2, im2, o + step)
            _turn(ur + vi, ui - vr, factors, w + 4, re2, im2, o + 3 * step)
            _turn(sr - tr, si - ti, factors, w + 8, re2, im2, o + 5 * step)
            _turn(ur - vi, ui + vr, factors, w + 12, re2, im2, o + 7 * step)


__all__ = ["LANES", "fft", "fft_power", "radices", "twiddles"]
