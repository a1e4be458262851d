# mypy: ignore-errors
"""Vectors of lanes for Numba: 4 to 16 numbers side by side in registers, one channel (or band, or scale) in each.

Numba does not vectorise a recursion over time, nor channels inside it; written with these, LLVM keeps every lane in a
vector register and lowers it to what the machine has (AVX-512, AVX2, SSE, NEON). Arrays are taken as flat and
C-contiguous; nothing is checked: a compiled body that uses them must keep inside its arrays.

Numba's cache does not see a change in this file, only one in that of the body it compiled. So the bodies that import
others carry a hash of these in their second line, which a test checks.

``load(a, i, n)``, ``store(a, i, v)``, ``spread(x, n)``, ``spread_from(a, i, n)`` (of one element), ``zeros(a, n)``,
``+ - *``, ``fma(a, b, c) = a b + c``, ``fms(a, b, c) = a b - c``, ``maximum(a, b)``, ``rows_to_lanes`` (a square
transposition). ``n`` is a literal power of two.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel.models import PrimitiveModel
from numba.core.errors import RequireLiteralValue
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, register_model

_FLOATS = {types.float32: (ir.FloatType(), 4), types.float64: (ir.DoubleType(), 8)}
_I32 = ir.IntType(32)


class Lanes(types.Type):
    """Numba's type of ``n`` floats side by side."""

    def __init__(self, dtype, n):
        self.dtype, self.n = dtype, n
        super().__init__(name=f"Lanes({dtype},{n})")

    @property
    def key(self):
        return self.dtype, self.n


@register_model(Lanes)
class _LanesModel(PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, ir.VectorType(_FLOATS[kind.dtype][0], kind.n))


def _literal(n):
    if not isinstance(n, types.Literal):
        raise RequireLiteralValue("the number of lanes is a literal")
    return n.literal_value


def _pointer(context, builder, array_type, array, index, n):
    """Pointer to ``n`` elements of a flat array from ``index`` on."""
    data = context.make_array(array_type)(context, builder, array).data
    vector = ir.VectorType(_FLOATS[array_type.dtype][0], n)
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())


@intrinsic(prefer_literal=True)
def load(typing, array, index, n):
    """Give ``n`` neighbouring elements from flat ``index`` on."""
    lanes = Lanes(array.dtype, _literal(n))

    def emit(context, builder, sig, args):
        at = context.cast(builder, args[1], sig.args[1], types.intp)
        return builder.load(_pointer(context, builder, array, args[0], at, lanes.n), align=_FLOATS[array.dtype][1])

    return lanes(array, index, n), emit


@intrinsic
def store(typing, array, index, value):
    """Put lanes into neighbouring elements from flat ``index`` on."""

    def emit(context, builder, sig, args):
        at = context.cast(builder, args[1], sig.args[1], types.intp)
        builder.store(args[2], _pointer(context, builder, array, args[0], at, value.n), align=_FLOATS[array.dtype][1])
        return context.get_dummy_value()

    return types.void(array, index, value), emit


@intrinsic(prefer_literal=True)
def spread(typing, number, n):
    """Give the same number in every lane."""
    dtype = types.unliteral(number)
    lanes = Lanes(dtype, _literal(n))

    def emit(context, builder, sig, args):
        vector = context.get_value_type(lanes)
        value = context.cast(builder, args[0], sig.args[0], dtype)
        first = builder.insert_element(ir.Constant(vector, ir.Undefined), value, _I32(0))
        return builder.shuffle_vector(
            first, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(_I32, lanes.n), [0] * lanes.n)
        )

    return lanes(number, n), emit


@intrinsic(prefer_literal=True)
def spread_from(typing, array, index, n):
    """Give the element at flat ``index`` in every lane."""
    lanes = Lanes(array.dtype, _literal(n))

    def emit(context, builder, sig, args):
        at = context.cast(builder, args[1], sig.args[1], types.intp)
        one = builder.load(_pointer(context, builder, array, args[0], at, 1), align=_FLOATS[array.dtype][1])
        return builder.shuffle_vector(
            one, ir.Constant(one.type, ir.Undefined), ir.Constant(ir.VectorType(_I32, lanes.n), [0] * lanes.n)
        )

    return lanes(array, index, n), emit


@intrinsic(prefer_literal=True)
def zeros(typing, array, n):
    """Give lanes of zeros, of the kind of float that an array holds."""
    lanes = Lanes(array.dtype, _literal(n))

    def emit(context, builder, sig, args):
        return ir.Constant(context.get_value_type(lanes), [0.0] * lanes.n)

    return lanes(array, n), emit


def _fused(builder, a, b, c):
    name = f"llvm.fmuladd.v{a.type.count}f{32 if a.type.element == ir.FloatType() else 64}"
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(a.type, [a.type] * 3), name)
    return builder.call(function, [a, b, c])


@intrinsic
def fma(typing, a, b, c):
    """Give ``a b + c``, in one rounding where the machine can."""
    return a(a, b, c), lambda context, builder, sig, args: _fused(builder, *args)


@intrinsic
def fms(typing, a, b, c):
    """Give ``a b - c``, in one rounding where the machine can."""
    return a(a, b, c), lambda context, builder, sig, args: _fused(builder, args[0], args[1], builder.fneg(args[2]))


@intrinsic
def maximum(typing, a, b):
    """Give the larger number of each lane; NaN where ``a`` is."""

    def emit(context, builder, sig, args):
        return builder.select(builder.fcmp_unordered(">", *args), *args)

    return a(a, b), emit


def _operator(symbol, instruction):
    @infer_global(symbol)
    class _Typing(AbstractTemplate):
        def generic(self, args, kws):
            if len(args) == 2 and isinstance(args[0], Lanes) and args[0] == args[1]:
                return signature(args[0], *args)
            return None

    @lower_builtin(symbol, Lanes, Lanes)
    def _emit(context, builder, sig, args):
        return getattr(builder, instruction)(*args)


_operator(operator.add, "fadd")
_operator(operator.sub, "fsub")
_operator(operator.mul, "fmul")


@intrinsic(prefer_literal=True)
def rows_to_lanes(typing, source, start, stride, rows, target, at, offsets, first, n):
    """Transpose ``n`` elements of ``rows`` rows into lanes, an offset taken from each row.

    ``target[at + t n + r] = source[start + min(r, rows - 1) stride + t] - offsets[first + r]`` for r, t < n. Target and
    offsets are of one kind of float, at least as wide as the source's.
    """
    size = _literal(n)
    align, wide = _FLOATS[source.dtype][1], _FLOATS[target.dtype][1]

    def emit(context, builder, sig, args):
        def integer(k):
            return context.cast(builder, args[k], sig.args[k], types.intp)

        begin, step, n_rows, to = integer(1), integer(2), integer(3), integer(5)
        word = begin.type
        level_type = ir.VectorType(_FLOATS[target.dtype][0], size)
        lines = []
        at_row = begin
        for r in range(size):
            if r:
                there = builder.icmp_signed("<", word(r), n_rows)
                at_row = builder.add(at_row, builder.select(there, step, word(0)))
            line = builder.load(_pointer(context, builder, sig.args[0], args[0], at_row, size), align=align)
            lines.append(builder.fpext(line, level_type) if line.type != level_type else line)
        level = builder.load(_pointer(context, builder, sig.args[6], args[6], integer(7), size), align=wide)
        # Butterflies: at each level every pair of rows exchanges the halves that belong to the other.
        half = 1
        while half < size:
            keep = [k if not k & half else size + (k ^ half) for k in range(size)]
            give = [(k ^ half) if not k & half else size + k for k in range(size)]
            masks = [ir.Constant(ir.VectorType(_I32, size), m) for m in (keep, give)]
            for r in range(size):
                if not r & half:
                    a, b = lines[r], lines[r + half]
                    lines[r], lines[r + half] = (builder.shuffle_vector(a, b, m) for m in masks)
            half *= 2
        for t, line in enumerate(lines):
            slot = _pointer(context, builder, sig.args[4], args[4], builder.add(to, word(t * size)), size)
            builder.store(builder.fsub(line, level), slot, align=wide)
        return context.get_dummy_value()

    return types.void(source, start, stride, rows, target, at, offsets, first, n), emit


__all__ = ["Lanes", "fma", "fms", "load", "maximum", "rows_to_lanes", "spread", "spread_from", "store", "zeros"]
