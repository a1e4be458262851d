"""MAT files of both versions give the same objects; what is damaged or points elsewhere is refused by name."""

import struct
import zlib

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from affectbio.datasets._matlab import load_mat, mat_shapes, numbered
from affectbio.datasets.imitation._seed import save_mat
from affectbio.errors import DataError, DatasetLayoutError

EEG = np.arange(12.0).reshape(3, 4)


def cell(*items):
    made = np.empty((1, len(items)), dtype=object)
    for number, item in enumerate(items):
        made[0, number] = item
    return made


@pytest.fixture
def v5(tmp_path):
    path = tmp_path / "v5.mat"
    structs = np.array([[(1.0,), (2.0,)]], dtype=[("Age", object)])
    content = {
        "eeg": EEG,
        "who": "djc",
        "films": cell(EEG, np.zeros((0, 0)), "none"),
        "person": {"Age": 22.0, "EEG": EEG},
    }
    savemat(path, {**content, "people": structs}, do_compression=True)
    return path


@pytest.fixture
def v73(tmp_path):
    """Give the same, as MATLAB lays it out in HDF5: axes reversed, cells as references, text as numbers."""
    path = tmp_path / "v73.mat"
    with h5py.File(path, "w", userblock_size=512) as file:

        def put(name, array, kind):
            data = file.create_dataset(name, data=array)
            data.attrs["MATLAB_class"] = np.bytes_(kind)
            return data

        put("eeg", EEG.T, "double")
        put("who", np.array([[100], [106], [99]], dtype=np.uint16), "char")
        put("#refs#/a", EEG.T, "double")
        put("#refs#/b", np.array([0, 0], dtype=np.uint64), "double").attrs["MATLAB_empty"] = np.uint8(1)
        put("#refs#/c", np.array([[ord(c)] for c in "none"], dtype=np.uint16), "char")
        refs = [[file[f"#refs#/{name}"].ref] for name in "abc"]
        films = file.create_dataset("films", data=np.array(refs, dtype=h5py.ref_dtype), dtype=h5py.ref_dtype)
        films.attrs["MATLAB_class"] = np.bytes_("cell")
        file.create_group("person").attrs["MATLAB_class"] = np.bytes_("struct")
        put("person/Age", np.array([[22.0]]), "double")
        put("person/EEG", EEG.T, "double")
        for name, value in (("d", 1.0), ("e", 2.0)):
            put(f"#refs#/{name}", np.array([[value]]), "double")
        file.create_group("people").attrs["MATLAB_class"] = np.bytes_("struct")
        refs = [[file["#refs#/d"].ref], [file["#refs#/e"].ref]]
        file["people"].create_dataset("Age", data=np.array(refs, dtype=h5py.ref_dtype), dtype=h5py.ref_dtype)
    return path


@pytest.mark.parametrize("version", ["v5", "v73"])
def test_both_versions_give_the_same(version, request):
    path = request.getfixturevalue(version)
    found = load_mat(path)
    assert set(found) == {"eeg", "who", "films", "person", "people"}
    np.testing.assert_array_equal(found["eeg"], EEG)
    assert found["who"] == "djc"
    one, empty, text = found["films"][0]
    np.testing.assert_array_equal(one, EEG)
    assert (found["films"].shape, empty.shape, text) == ((1, 3), (0, 0), "none")
    assert found["person"]["Age"].tolist() == [[22.0]]
    np.testing.assert_array_equal(found["person"]["EEG"], EEG)
    assert found["people"].shape == (1, 2)
    assert [person["Age"].item() for person in found["people"][0]] == [1.0, 2.0]
    assert mat_shapes(path)["eeg"] == (3, 4)
    assert mat_shapes(path)["films"] == (1, 3)
    assert list(load_mat(path, ["who", "eeg"])) == ["who", "eeg"]


@pytest.mark.parametrize("version", ["v5", "v73"])
def test_a_variable_that_is_not_there_is_named_with_those_that_are(version, request):
    with pytest.raises(DataError, match=r"no variable 'eeg2'; found .*eeg"):
        load_mat(request.getfixturevalue(version), ["eeg2"])


@pytest.mark.parametrize("v73", [False, True])
def test_arrays_keep_type_and_axes(tmp_path, v73):
    content = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "b": np.ones((2, 3, 4), dtype=np.float32)}
    save_mat(tmp_path / "x.mat", content, v73=v73)
    found = load_mat(tmp_path / "x.mat")
    for name, array in content.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    assert mat_shapes(tmp_path / "x.mat") == {"a": (2, 3), "b": (2, 3, 4)}


def test_what_points_out_of_the_file_is_refused(tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = EEG
    (tmp_path / "raw.bin").write_bytes(EEG.tobytes())
    for kind in ("external", "soft", "raw", "virtual"):
        path = tmp_path / f"{kind}.mat"
        with h5py.File(path, "w") as file:
            if kind == "external":
                file["eeg"] = h5py.ExternalLink(str(secret), "/x")
            elif kind == "soft":
                file["eeg"] = h5py.SoftLink("/other")
            elif kind == "raw":
                file.create_dataset("eeg", (3, 4), "f8", external=[(str(tmp_path / "raw.bin"), 0, 96)])
            else:
                layout = h5py.VirtualLayout((3, 4), "f8")
                layout[:] = h5py.VirtualSource(str(secret), "x", (3, 4))
                file.create_virtual_dataset("eeg", layout)
        for read in (load_mat, mat_shapes):
            with pytest.raises(DataError, match=rf"{kind}\.mat: .*expected data in the file itself"):
                read(path)


def test_damage_is_named(tmp_path, v5, v73):
    for path in (v5, v73):
        content = path.read_bytes()
        for n in (0, 100, len(content) // 3, len(content) // 2, len(content) - 20):
            (tmp_path / "cut.mat").write_bytes(content[:n])
            with pytest.raises(DataError, match=r"cut\.mat( cannot be read as a MAT file|: it (begins|ends) )"):
                load_mat(tmp_path / "cut.mat")
    (tmp_path / "cut.mat").write_text("this is a table, not a MAT file\n" * 40)
    with pytest.raises(
        DataError, match=r"cut\.mat: it begins with b'this is a table, no'; expected 128 bytes of header"
    ):
        load_mat(tmp_path / "cut.mat")
    with pytest.raises(DatasetLayoutError, match=r"no file .*nowhere\.mat"):
        mat_shapes(tmp_path / "nowhere.mat")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((6, 255), "a matrix of class 255; expected numbers, text, cells or structs"),
        ((6, 3), "a matrix of class 3;"),
        ((9, 255), "values of type 255 in a matrix of class 6"),
        ((9, 8), "values of type 8 in a matrix of class 6"),
    ],
)
def test_what_would_end_python_inside_scipy_is_refused(tmp_path, compressed, change, words):
    path = tmp_path / "damaged.mat"
    for content in ({"eeg": EEG}, {"eeg": cell(EEG)}):
        savemat(path, content, do_compression=compressed)
        whole = path.read_bytes()
        inner = bytearray(zlib.decompress(whole[136:]) if compressed else whole[128:])
        # Flags of a double matrix, or the type of its values behind an empty name or the name "eeg".
        kind, value = change
        old = struct.pack("<4I", 6, 8, 6, 0) if kind == 6 else struct.pack("<2I", 9, EEG.nbytes)
        at = inner.index(old) + (8 if kind == 6 else 0)
        inner[at] = value
        packed = zlib.compress(inner)
        head = whole[:128] + (struct.pack("<2I", 15, len(packed)) if compressed else b"")
        path.write_bytes(head + (packed if compressed else bytes(inner)))
        with pytest.raises(DataError, match=rf"damaged\.mat: .*{words}"):
            load_mat(path)
        # A variable that is not asked for is not looked at.
        with pytest.raises(DataError, match="no variable 'other'; found eeg"):
            load_mat(path, ["other"])


@given(st.sets(st.integers(1, 200), max_size=20), st.randoms())
@settings(max_examples=30, deadline=None)
def test_names_are_sorted_by_their_number(numbers, random):
    names = [f"djc_eeg{n}" for n in numbers] + ["__header__", "label", "eeg"]
    random.shuffle(names)
    assert numbered(names, r".*_eeg(\d+)") == {n: f"djc_eeg{n}" for n in sorted(numbers)}
    assert list(numbered(names, r".*_eeg(\d+)")) == sorted(numbers)


def test_two_names_of_one_number_are_refused():
    with pytest.raises(DataError, match="'a_eeg1' and 'b_eeg1' have the same number, 1"):
        numbered(["a_eeg1", "b_eeg1"], r"\w_eeg(\d+)")
