# mypy: ignore-errors
# What is imported from other bodies: e8f0f9d03cac
"""Fourier transforms of several channels at once, one in each lane, for lengths 2^a 3^b 5^c.

Stockham's self-sorting algorithm with decimation in frequency (Van Loan, Computational Frameworks for the Fast Fourier
Transform, 1992, section 1.7): every pass reads one buffer and writes the other, in order. Element k of all lanes lies
at k LANES; real and imaginary parts lie in arrays of their own. Exchanging these on the way in and out inverts the
transform, up to its length.
"""

from __future__ import annotations

import numba as nb

from affectbio.kernels._jit_lanes import fma, fms, load, spread, spread_from, store

LANES = 8
# Never called from Python: spares the compiler what that would need.
INNER = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


@nb.njit(cache=True, nogil=True, inline="always")
def fft(n, passes, factors, re, im, re2, im2):
    """Transform (re, im), with (re2, im2) to work in, and say whether the result lies there.

    n: the length; passes, factors: of `affectbio.kernels._fft_factors`, flat, in the kind of float of the signal; re,
    im, re2, im2 (n LANES).
    """
    # Not the literals 1 and 0: everything would be compiled for these, and again for any other number.
    at = n - n
    return _passes(n, at + 1, at, passes, factors, re, im, re2, im2)


@nb.njit(cache=True, nogil=True, inline="always")
def fft_band_power(n, passes, factors, re, im, start, gains, gain, n_bins, re2, im2, re3, im3, out, at):
    """Transform ``n_bins`` elements of (re, im), each times its gain, and write the power of the result from ``at`` on.

    n: the length, a multiple of 64 and no less than ``n_bins``; re, im: from element ``start`` on; gains: from ``gain``
    on, ``n_bins`` and a zero after them; re2, im2, re3, im3 (n LANES): to work in.
    """
    _pass8_of_band(n // 8, factors, re, im, start, gains, gain, n_bins, re2, im2)
    if _passes(n // 8, n // (n // 8), n // 8 * 14, passes[1:-1], factors, re2, im2, re3, im3):
        re2, im2 = re3, im3
    if passes[-1] == 8:
        _power8(n // 8 * LANES, re2, im2, out, at)
    else:
        _power4(n // 4 * LANES, re2, im2, out, at)


@nb.njit(cache=True, nogil=True, **INNER)
def _passes(n, stride, at, passes, factors, re, im, re2, im2):
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


# A pass takes n groups of `radix` elements that are n * stride apart, transforms each, and turns output k of group p by
# factor k of p.


@nb.njit(cache=True, nogil=True, inline="always")
def _turn(x, y, factors, at, re, im, to):
    """Store (x + iy) times a factor."""
    c, s = spread_from(factors, at, LANES), spread_from(factors, at + 1, LANES)
    store(re, to, fms(x, c, y * s))
    store(im, to, fma(x, s, y * c))


@nb.njit(cache=True, nogil=True, **INNER)
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


@nb.njit(cache=True, nogil=True, **INNER)
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


@nb.njit(cache=True, nogil=True, **INNER)
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


@nb.njit(cache=True, nogil=True, **INNER)
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


@nb.njit(cache=True, nogil=True, **INNER)
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
            _turn8(ar, ai, br, bi, cr, ci, dr, di, er, ei, fr, fi, gr, gi, hr, hi, root, factors, w, re2, im2, o, step)


@nb.njit(cache=True, nogil=True, **INNER)
def _pass8_of_band(n, factors, re, im, start, gains, gain, n_bins, re2, im2):
    """Do the first pass of a transform, its input a band of another one."""
    root = spread(re.dtype.type(0.7071067811865476), LANES)
    step = n // n * LANES
    for p in range(n):
        ar, ai = _bin(p, re, im, start, gains, gain, n_bins)
        er, ei = _bin(p + 4 * n, re, im, start, gains, gain, n_bins)
        cr, ci = _bin(p + 2 * n, re, im, start, gains, gain, n_bins)
        gr, gi = _bin(p + 6 * n, re, im, start, gains, gain, n_bins)
        br, bi = _bin(p + n, re, im, start, gains, gain, n_bins)
        fr, fi = _bin(p + 5 * n, re, im, start, gains, gain, n_bins)
        dr, di = _bin(p + 3 * n, re, im, start, gains, gain, n_bins)
        hr, hi = _bin(p + 7 * n, re, im, start, gains, gain, n_bins)
        o, w = 8 * p * LANES, 14 * p
        _turn8(ar, ai, br, bi, cr, ci, dr, di, er, ei, fr, fi, gr, gi, hr, hi, root, factors, w, re2, im2, o, step)


@nb.njit(cache=True, nogil=True, inline="always")
def _bin(k, re, im, start, gains, gain, n_bins):
    # Beyond the band is the zero that follows its gains.
    j = min(k, n_bins)
    g = spread_from(gains, gain + j, LANES)
    x, y = g * load(re, (start + j) * LANES, LANES), g * load(im, (start + j) * LANES, LANES)
    return x, y


@nb.njit(cache=True, nogil=True, inline="always")
def _turn8(ar, ai, br, bi, cr, ci, dr, di, er, ei, fr, fi, gr, gi, hr, hi, root, factors, w, re, im, o, step):
    """Transform eight elements and store them times their factors."""
    # Even outputs: a transform of four sums.
    kr, ki, lr, li = ar + er, ai + ei, cr + gr, ci + gi
    mr, mi, nr, ni = br + fr, bi + fi, dr + hr, di + hi
    sr, si, tr, ti = kr + lr, ki + li, mr + nr, mi + ni
    ur, ui, vr, vi = kr - lr, ki - li, mr - nr, mi - ni
    store(re, o, sr + tr)
    store(im, o, si + ti)
    _turn(ur + vi, ui - vr, factors, w + 2, re, im, o + 2 * step)
    _turn(sr - tr, si - ti, factors, w + 6, re, im, o + 4 * step)
    _turn(ur - vi, ui + vr, factors, w + 10, re, im, o + 6 * step)
    # Odd outputs: of four differences, turned by 0, 45, 90 and 135 degrees.
    kr, ki, lr, li = ar - er, ai - ei, ci - gi, gr - cr
    mr, mi, nr, ni = br - fr, bi - fi, dr - hr, di - hi
    mr, mi, nr, ni = root * (mr + mi), root * (mi - mr), root * (ni - nr), root * (nr + ni)
    sr, si, tr, ti = kr + lr, ki + li, mr + nr, mi - ni
    ur, ui, vr, vi = kr - lr, ki - li, mr - nr, mi + ni
    _turn(sr + tr, si + ti, factors, w, re, im, o + step)
    _turn(ur + vi, ui - vr, factors, w + 4, re, im, o + 3 * step)
    _turn(sr - tr, si - ti, factors, w + 8, re, im, o + 5 * step)
    _turn(ur - vi, ui + vr, factors, w + 12, re, im, o + 7 * step)


# A last pass has no factors; of what it gives only the power is kept.


@nb.njit(cache=True, nogil=True, inline="always")
def _square(x, y, out, to):
    store(out, to, fma(x, x, y * y))


@nb.njit(cache=True, nogil=True, **INNER)
def _power4(step, re, im, out, at):
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


@nb.njit(cache=True, nogil=True, **INNER)
def _power8(step, re, im, out, at):
    root = spread(re.dtype.type(0.7071067811865476), LANES)
    for i in range(0, step, LANES):
        to = at + i
        ar, ai = load(re, i, LANES), load(im, i, LANES)
        er, ei = load(re, i + 4 * step, LANES), load(im, i + 4 * step, LANES)
        cr, ci = load(re, i + 2 * step, LANES), load(im, i + 2 * step, LANES)
        gr, gi = load(re, i + 6 * step, LANES), load(im, i + 6 * step, LANES)
        br, bi = load(re, i + step, LANES), load(im, i + step, LANES)
        fr, fi = load(re, i + 5 * step, LANES), load(im, i + 5 * step, LANES)
        dr, di = load(re, i + 3 * step, LANES), load(im, i + 3 * step, LANES)
        hr, hi = load(re, i + 7 * step, LANES), load(im, i + 7 * step, LANES)
        kr, ki, lr, li = ar + er, ai + ei, cr + gr, ci + gi
        mr, mi, nr, ni = br + fr, bi + fi, dr + hr, di + hi
        sr, si, tr, ti = kr + lr, ki + li, mr + nr, mi + ni
        ur, ui, vr, vi = kr - lr, ki - li, mr - nr, mi - ni
        _square(sr + tr, si + ti, out, to)
        _square(ur + vi, ui - vr, out, to + 2 * step)
        _square(sr - tr, si - ti, out, to + 4 * step)
        _square(ur - vi, ui + vr, out, to + 6 * step)
        kr, ki, lr, li = ar - er, ai - ei, ci - gi, gr - cr
        mr, mi, nr, ni = br - fr, bi - fi, dr - hr, di - hi
        mr, mi, nr, ni = root * (mr + mi), root * (mi - mr), root * (ni - nr), root * (nr + ni)
        sr, si, tr, ti = kr + lr, ki + li, mr + nr, mi - ni
        ur, ui, vr, vi = kr - lr, ki - li, mr - nr, mi + ni
        _square(sr + tr, si + ti, out, to + step)
        _square(ur + vi, ui - vr, out, to + 3 * step)
        _square(sr - tr, si - ti, out, to + 5 * step)
        _square(ur - vi, ui + vr, out, to + 7 * step)


__all__ = ["LANES", "fft", "fft_band_power"]
