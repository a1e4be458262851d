"""The PyTorch layers give the kernels' numbers, on every device there is, with gradients."""

import numpy as np
import pytest

from affectbio.errors import SignalQualityError
from affectbio.kernels import Morse, differential_entropy, morlet_transform, scalogram

pytestmark = pytest.mark.deep

SFREQ = 128


@pytest.fixture(scope="module")
def frontend():
    from affectbio.models import frontend

    return frontend


@pytest.fixture(params=["cpu", "cuda"])
def device(request):
    import torch

    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU here")
    return request.param


def eeg(*shape, seed=0):
    """Noise that falls with frequency as that of a brain, 10 µV, on an electrode's offset of some millivolts."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.standard_normal(shape))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.shape[-1]), 1)), shape[-1])
    return 1e-5 * noise / noise.std() + 5e-3 * rng.standard_normal((*shape[:-1], 1))


def on(device, x):
    import torch

    return torch.from_numpy(np.array(x)).to(device)


def rms_error(found, expected):
    """Give the largest over rows of the error's root mean square over time, relative to that of the row."""
    return (np.sqrt(((found - expected) ** 2).mean(-1)) / np.sqrt((expected**2).mean(-1))).max()


@pytest.mark.parametrize(
    ("sfreq", "options"),
    [
        (128, {}),
        (128, {"step_s": 0.25, "window_s": 2, "log": "2"}),
        (200, {"step_s": 0.33, "bands": {"alpha": (8, 13)}, "order": 2}),
        (1000, {"bands": [(0.5, 4), (8, 13)], "order": 3}),
    ],
)
def test_entropy_is_that_of_the_kernel(frontend, device, sfreq, options):
    x = eeg(2, 3, 10 * sfreq + 17)
    expected = differential_entropy(x, sfreq, **options)
    found = frontend.differential_entropy_torch(on(device, x), sfreq, **options)
    assert found.device.type == device
    np.testing.assert_allclose(found.cpu().numpy(), expected, rtol=1e-9)
    single = x.astype(np.float32)
    found = frontend.differential_entropy_torch(on(device, single), sfreq, **options).cpu().numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, differential_entropy(single.astype(np.float64), sfreq, **options), rtol=1e-6)


def test_entropy_computed_in_single_precision_is_good_for_five_digits(frontend, device):
    import torch

    x = eeg(4, 3000).astype(np.float32)
    layer = frontend.DifferentialEntropyLayer(3000, SFREQ, dtype=torch.float32).to(device)
    found = layer(on(device, x)).cpu().numpy()
    np.testing.assert_allclose(found, differential_entropy(x.astype(np.float64), SFREQ), rtol=1e-5)


def test_what_the_filter_rings_after_the_end_does_not_come_back_at_the_beginning(frontend, device):
    x = eeg(1, 5 * SFREQ)
    x[:, -20:] += 1.0
    expected = differential_entropy(x, SFREQ, "eeg")
    np.testing.assert_allclose(
        frontend.differential_entropy_torch(on(device, x), SFREQ).cpu().numpy()[:, :4], expected[:, :4], rtol=1e-9
    )


def test_lost_samples_and_constant_channels_give_nan_where_they_do_in_the_kernel(frontend, device):
    x = eeg(7, 20 * SFREQ)
    x[0, 300:310] = np.nan
    x[1, :50] = np.inf
    x[2, 1000:] = x[2, 1000]
    x[3] = 5e-3
    x[4] = np.nan
    x[5, :1500] = x[5, 0]
    expected = differential_entropy(x, SFREQ, step_s=0.5)
    found = frontend.differential_entropy_torch(on(device, x), SFREQ, step_s=0.5).cpu().numpy()
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    assert np.isnan(found[:6]).any(axis=(1, 2)).all()
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_entropy_of_a_batch_is_a_batch_of_entropies(frontend, device):
    x = on(device, eeg(3, 2, 1000))
    whole = frontend.differential_entropy_torch(x, SFREQ).cpu().numpy()
    for item, single in zip(x, whole, strict=True):
        np.testing.assert_allclose(frontend.differential_entropy_torch(item, SFREQ).cpu().numpy(), single, rtol=1e-12)


def test_entropy_has_gradients_and_nan_windows_do_not_spoil_them(frontend, device):
    import torch

    x = on(device, eeg(2, 96)).mul(1e5).requires_grad_()
    layer = frontend.DifferentialEntropyLayer(96, SFREQ, [(8, 14), (20, 40)], window_s=0.25).to(device)
    assert torch.autograd.gradcheck(layer, (x,))
    torn = x.detach().clone()
    torn[0, 10] = torch.nan
    torn[1] = 1.0
    torn.requires_grad_()
    layer(torn).nan_to_num().sum().backward()
    assert torch.isfinite(torn.grad).all()
    assert (torn.grad[0] != 0).any()
    assert (torn.grad[1] == 0).all()


@pytest.mark.parametrize(
    ("n_samples", "n_times", "options"),
    [
        (2500, 64, {"freqs": (2.0, 50.0, 24)}),
        (2500, 224, {"freqs": [40.0, 3.0, 10.0], "norm": "l2"}),
        (1001, 7, {"freqs": (4.0, 60.0, 9), "n_cycles": 3.0}),
        (2500, 64, {"freqs": (2.0, 40.0, 9), "wavelet": Morse(gamma=3, beta=12)}),
        (700, 700, {"freqs": (5.0, 50.0, 9), "n_cycles": 8.0, "log": "e"}),
    ],
)
def test_scalogram_is_that_of_the_kernel(frontend, device, n_samples, n_times, options):
    x = eeg(2, 3, n_samples).astype(np.float32) * 1e5
    expected = scalogram(x, SFREQ, n_times=n_times, **options)
    found = frontend.scalogram_torch(on(device, x), SFREQ, n_times=n_times, **options)
    assert found.device.type == device
    assert found.shape == expected.shape
    found = found.cpu().numpy()
    if "log" in options:
        found, expected = np.exp(found), np.exp(expected)
    assert rms_error(found, expected) < 1e-3


def test_scalogram_in_double_precision_is_the_mean_of_the_transform_over_each_cell(frontend, device):
    x, freqs, n_times = eeg(3, 2500), [2.0, 7.0, 21.0, 50.0], 60
    power = np.abs(morlet_transform(x, SFREQ, freqs)) ** 2
    edges = -(-np.arange(n_times + 1) * 2500 // n_times)
    expected = np.add.reduceat(power, edges[:-1], axis=-1) / np.diff(edges)
    found = frontend.scalogram_torch(on(device, x), SFREQ, freqs, n_times).cpu().numpy()
    assert rms_error(found, expected) < 1e-5


def test_scalogram_of_a_lost_sample_is_nan_in_its_channel_alone(frontend, device):
    x = eeg(3, 1000).astype(np.float32)
    x[1, 500] = np.nan
    for log in (None, "10"):
        found = frontend.scalogram_torch(on(device, x), SFREQ, (4, 40, 8), 16, log=log).cpu().numpy()
        np.testing.assert_array_equal(np.isnan(found).all(axis=(1, 2)), [False, True, False])
        assert np.isfinite(found[[0, 2]]).all()


def test_scalogram_has_gradients(frontend, device):
    import torch

    x = on(device, eeg(2, 96)).mul(1e5).requires_grad_()
    layer = frontend.ScalogramLayer(96, SFREQ, [8.0, 20.0, 45.0], 6, dtype=torch.float64).to(device)
    assert torch.autograd.gradcheck(layer, (x,))


def test_scalogram_of_volts_survives_autocast(frontend, device):
    import torch

    x = on(device, 1e-3 * eeg(2, 1000).astype(np.float32))
    layer = frontend.ScalogramLayer(1000, SFREQ, (4, 40, 8), 16).to(device)
    expected = layer(x)
    with torch.autocast(device, dtype=torch.bfloat16):
        found = layer(x)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)


def test_layers_hold_nothing_to_train_or_to_save_and_move_with_their_network(frontend, device):
    import torch

    layers = torch.nn.ModuleList(
        [frontend.DifferentialEntropyLayer(1000, SFREQ), frontend.ScalogramLayer(1000, SFREQ, (4, 40, 8), 16)]
    ).to(device)
    assert not list(layers.parameters())
    assert not layers.state_dict()
    assert {b.device.type for b in layers.buffers()} == {device}
    x = on(device, eeg(2, 1000).astype(np.float32))
    before = [layer(x) for layer in layers]
    # Casting a network to single precision must not take the imaginary part from a filter.
    for layer, expected in zip(layers.to(torch.float32), before, strict=True):
        torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("function", ["differential_entropy_torch", "scalogram_torch"])
def test_what_is_no_signal_is_refused(frontend, function):
    import torch

    compute = getattr(frontend, function)
    with pytest.raises(ValueError, match=r"float32 or float64 .* found torch\.int64, shape \(2, 1000\)"):
        compute(torch.ones(2, 1000, dtype=torch.int64), SFREQ)
    with pytest.raises(ValueError, match="float16"):
        compute(torch.ones(2, 1000, dtype=torch.float16), SFREQ)
    with pytest.raises(ValueError, match=r"at least one channel.*\(0, 1000\)"):
        compute(torch.ones(0, 1000), SFREQ)
    with pytest.raises(SignalQualityError, match="holds 60"):
        compute(torch.ones(2, 60), SFREQ)


def test_parameters_that_make_no_sense_are_refused(frontend):
    entropy, picture = frontend.DifferentialEntropyLayer, frontend.ScalogramLayer
    with pytest.raises(ValueError, match="'10'"):
        entropy(1000, SFREQ, log="10")
    with pytest.raises(ValueError, match="order of at least 1"):
        entropy(1000, SFREQ, order=0)
    with pytest.raises(ValueError, match="half the sampling rate"):
        entropy(1000, 64)
    with pytest.raises(ValueError, match="below 64 Hz"):
        picture(1000, SFREQ, [64.0])
    with pytest.raises(ValueError, match="n_cycles=0"):
        picture(1000, SFREQ, n_cycles=0)
    with pytest.raises(ValueError, match="'l3'"):
        picture(1000, SFREQ, norm="l3")
    with pytest.raises(ValueError, match="'2'"):
        picture(1000, SFREQ, log="2")
    with pytest.raises(ValueError, match="n_times=0"):
        picture(1000, SFREQ, n_times=0)
    with pytest.raises(SignalQualityError, match="as many samples"):
        picture(200, SFREQ, n_times=224)


def test_a_layer_refuses_signals_of_another_length(frontend):
    import torch

    with pytest.raises(ValueError, match=r"signals of 1000 samples; found shape \(2, 999\)"):
        frontend.DifferentialEntropyLayer(1000, SFREQ)(torch.ones(2, 999))
