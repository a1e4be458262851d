"""The pickles that data sets ship are read, of every protocol and of Python 2; what asks for more is refused."""

import contextlib
import io
import pickle
import pickletools
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from affectbio.datasets._unpickle import load_pickle
from affectbio.datasets.imitation._python2 import dump_python2
from affectbio.errors import DataError

DTYPES = ["<f8", ">f8", "<f4", "<i4", ">i2", "|u1", "|b1", "<c16", "<U3", "|S4"]


def load(content, name=None):
    return load_pickle(io.BytesIO(content), name)


def equal(one, other):
    """Say whether two nests of lists, dictionaries and arrays are the same, types and order of memory included."""
    if isinstance(one, np.ndarray) and one.dtype == object:
        return one.shape == other.shape and all(map(equal, one.flat, other.flat))
    if isinstance(one, np.ndarray):
        same = one.dtype == other.dtype and one.shape == other.shape
        return same and one.flags.f_contiguous == other.flags.f_contiguous and one.tobytes() == other.tobytes()
    if isinstance(one, dict):
        return list(one) == list(other) and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(equal, one, other))
    return type(one) is type(other) and (one == other or one != one)


arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5) | arrays,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(values, st.integers(0, 5), st.booleans())
@settings(max_examples=150, deadline=None)
def test_it_reads_what_pickle_reads(value, protocol, is_old):
    content = pickle.dumps(value, protocol)
    # Below protocol 3, Python 3 writes no bytes at all as a call of bytes(): no data set does.
    assume(b"__builtin__" not in content)
    # NumPy 2 renamed its inner package; files of NumPy 1 name the one before. Only protocols below 4 have names of
    # which no length is written.
    if is_old and protocol < 4:
        content = content.replace(b"numpy._core", b"numpy.core")
    assert equal(load(content), pickle.loads(pickle.dumps(value, protocol)))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12)[::2],
        np.array([1, {"a": 2.5}, [None, "b"]], dtype=object),
        np.float32(2.5),
        np.int64(-3),
        np.str_("é"),
        np.array(3.5),
    ],
    ids=lambda value: f"{type(value).__name__}-{value.dtype}",
)
def test_arrays_of_every_kind(value, protocol):
    found = load(pickle.dumps({"data": value}, protocol))["data"]
    assert equal(found, pickle.loads(pickle.dumps(value, protocol)))


def test_numpy_of_before_names_its_inner_package_otherwise():
    for protocol in (2, 4):
        content = pickle.dumps(np.arange(3.0), protocol)
        if protocol == 4:
            size = len("numpy._core.multiarray")
            content = content.replace(bytes([size]) + b"numpy._core", bytes([size - 1]) + b"numpy.core")
            # The frame around it has lost that one byte too.
            content = content[:3] + struct.pack("<Q", len(content) - 11) + content[11:]
        else:
            content = content.replace(b"numpy._core", b"numpy.core")
        assert b"numpy.core" in content
        np.testing.assert_array_equal(load(content), np.arange(3.0))


def test_a_pickle_of_python_2():
    value = {"labels": np.arange(4.0).reshape(2, 2), "subject": "S2", "raw": np.arange(3, dtype=">i2")}
    file = io.BytesIO()
    dump_python2(value, file)
    names = {arg for op, arg, _ in pickletools.genops(file.getvalue()) if op.name == "GLOBAL"}
    assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}
    assert equal(load(file.getvalue()), pickle.loads(file.getvalue(), encoding="latin1"))


def test_an_array_of_protocol_5_out_of_contiguous_memory():
    content = pickle.dumps(np.asfortranarray(np.arange(6.0).reshape(2, 3)), 5)
    assert b"_frombuffer" in content
    assert load(content).flags.f_contiguous


class Calls:
    def __init__(self, function, *args):
        self.what = function, args

    def __reduce__(self):
        return self.what


def by_name(module, name, protocol=0):
    """Give a pickle that calls a name with a text, without there being such a name here."""
    if protocol == 0:
        return f"c{module}\n{name}\n(S'x'\ntR.".encode()
    text = b"".join(pickle.SHORT_BINUNICODE + bytes([len(t)]) + t for t in (module.encode(), name.encode()))
    return pickle.PROTO + b"\x04" + text + pickle.STACK_GLOBAL + pickle.EMPTY_TUPLE + pickle.REDUCE + pickle.STOP


@pytest.mark.parametrize("protocol", [0, 4])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("__builtin__", "eval"),
        ("numpy", "load"),
        ("numpy.core.multiarray", "fromfile"),
        ("numpy", "core.multiarray._reconstruct"),
        ("numpy.core.multiarray", "_reconstruct.__globals__"),
        ("numpy.f2py", "compile"),
        ("copyreg", "_reconstructor"),
        ("copy_reg", "_reconstructor"),
        ("functools", "partial"),
        ("collections", "OrderedDict"),
        ("pandas.core.frame", "DataFrame"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("affectbio.datasets._unpickle", "load_pickle"),
    ],
)
def test_a_name_that_is_not_on_the_list_is_refused_by_name(module, name, protocol):
    with pytest.raises(DataError, match=f"s01.dat is refused: it asks for {module}.{name};"):
        load(by_name(module, name, protocol), "s01.dat")


def test_nothing_runs_and_nothing_is_imported(tmp_path):
    ran = tmp_path / "ran"
    deep = {"data": [np.zeros(2), {"labels": (1, Calls(exec, f"open({str(ran)!r}, 'w')"))}]}
    for protocol in range(6):
        with pytest.raises(DataError, match=r"it asks for (builtins|__builtin__)\.exec"):
            load(pickle.dumps(deep, protocol))
    assert not ran.exists()


class Built:
    """Pickles as NumPy would, with a state of our choosing."""

    def __init__(self, function, args, state):
        self.what = function, args, state

    def __reduce__(self):
        return self.what


reconstruct = np.array([1.0]).__reduce__()[0]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (Calls(reconstruct, np.ndarray, (1 << 40,), b"b"), "begins an array of shape"),
        (Calls(reconstruct, np.dtype, (0,), b"b"), "begins an array of shape"),
        (Calls(np.ndarray, (1 << 40,)), "cannot be read"),
        # NumPy believes these flags, and would take the bytes for the address of an object.
        (Built(np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, 0)), "is described as"),
        (Built(np.dtype, ("f8", False, True), (3, "<", None, None, None, 1 << 40, 1, 0)), "is described as"),
        (Built(np.dtype, ("f8", False, True), (3, "<", None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0)), "described"),
        (Calls(np.dtype, "V8"), "expected numbers, text or Python objects"),
        (Calls(np.dtype, [("a", "f8")]), "cannot be read"),
        (Calls(np.dtype, "f8,O"), "expected numbers, text or Python objects"),
        (Calls(np.dtype, "(10000,10000)f8"), "expected numbers, text or Python objects"),
        (Built(reconstruct, (np.ndarray, (0,), b"b"), (1, (1 << 40,), np.dtype("f8"), False, b"12345678")), "cannot"),
        (Built(reconstruct, (np.ndarray, (0,), b"b"), (1, (3,), np.dtype("O"), False, b"x" * 24)), "cannot"),
        (Calls(np.float64(1).__reduce__()[0], np.dtype("O"), b"12345678"), "single Python object"),
    ],
)
def test_what_numpy_never_writes_is_refused_and_takes_no_memory(value, why):
    content = pickle.dumps(value, 3)
    tracemalloc.start()
    with pytest.raises(DataError, match=why):
        load(content)
    assert tracemalloc.get_traced_memory()[1] < 1e7
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.", "text in the encoding 'rot13'; expected latin1"),
        (b"c_codecs\nencode\n(dS'__defaults__'\nS'x'\nsb.", "sets the insides of a function"),
        (b"(lS'x'\nb.", "sets the insides of a list"),
        (b"Pabc\n.", "refers to something outside itself"),
        (b"\x82\x01.", "cannot be read"),
        (b"", "cut short or damaged"),
    ],
)
def test_other_ways_out_are_closed(content, why):
    with pytest.raises(DataError, match=why):
        load(content)


def test_a_value_of_a_huge_number_takes_no_memory():
    tracemalloc.start()
    assert load(b"\x80\x02K\x05r\xff\xff\xff\x7f.") == 5
    assert tracemalloc.get_traced_memory()[1] < 1e7
    tracemalloc.stop()


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_that_is_cut_short_is_named_wherever_it_is_cut(protocol):
    content = pickle.dumps({"data": np.arange(6.0).reshape(2, 3), "labels": [1, "a"]}, protocol)
    for n in range(len(content)):
        with pytest.raises(DataError, match=r"s01\.dat"):
            load(content[:n], "s01.dat")


@given(st.binary(max_size=60) | st.lists(st.sampled_from(pickletools.opcodes)).map(
    lambda ops: b"".join(op.code.encode("latin1") for op in ops)
))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_noise_ends_in_a_named_error(content):
    with contextlib.suppress(DataError):
        load(content)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_pickle_ends_in_a_named_error_or_a_value(data):
    content = bytearray(pickle.dumps({"data": np.arange(3.0), "who": "s"}, data.draw(st.integers(0, 5))))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DataError):
        load(bytes(content))


def test_a_path_is_named_in_the_error(tmp_path):
    path = tmp_path / "s01.dat"
    path.write_bytes(by_name("os", "system"))
    with pytest.raises(DataError, match=r"s01\.dat is refused: it asks for os\.system"):
        load_pickle(path)
