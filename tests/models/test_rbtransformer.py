"""RBTransformer: as large as published, the same function as the equations in NumPy, and it learns."""

import numpy as np
import pytest
from scipy.special import erf, softmax

from affectbio.models.rbtransformer import RBTransformer, rbtransformer_network

torch = pytest.importorskip("torch")

# Counted on the paper's code: channels, classes, parameters.
PUBLISHED = [(32, 2, 664_834), (32, 9, 665_737), (14, 2, 662_530), (14, 5, 662_917), (62, 3, 668_803)]


@pytest.mark.parametrize(("n_chans", "n_outputs", "n_parameters"), PUBLISHED)
def test_it_has_as_many_parameters_as_published(n_chans, n_outputs, n_parameters):
    assert sum(p.numel() for p in rbtransformer_network(n_chans, n_outputs).parameters()) == n_parameters


def written_out(weights, x, n_heads=6, head_dim=32):
    """The network in NumPy, from the equations of the paper."""

    def linear(name, x):
        return x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0.0)

    def norm(name, x):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def gelu(x):
        return x / 2 * (1 + erf(x / np.sqrt(2)))

    x = linear("project", x) + weights["electrodes"]
    for b in range(4):
        inside = linear(f"blocks.{b}.attention.qkv", norm(f"blocks.{b}.before_attention", x))
        q, k, v = np.split(inside, 3, axis=-1)
        heads = []
        for h in range(n_heads):
            own = slice(h * head_dim, (h + 1) * head_dim)
            attention = softmax(q[..., own] @ k[..., own].transpose(0, 2, 1) / np.sqrt(head_dim), axis=-1)
            heads.append(attention @ v[..., own])
        x = x + linear(f"blocks.{b}.attention.out", np.concatenate(heads, axis=-1))
        inside = norm(f"blocks.{b}.before_perceptron", x)
        x = x + linear(f"blocks.{b}.perceptron.3", gelu(linear(f"blocks.{b}.perceptron.0", inside)))
    x = norm("head.0", x.mean(axis=1))
    for layer in (1, 4, 7):
        x = gelu(linear(f"head.{layer}", x))
    return linear("head.10", x)


def test_it_computes_what_the_equations_say():
    torch.manual_seed(0)
    network = rbtransformer_network(14, 3).double().eval()
    x = np.random.default_rng(0).standard_normal((5, 14, 4))
    weights = {name: p.detach().numpy() for name, p in network.named_parameters()}
    with torch.inference_mode():
        np.testing.assert_allclose(network(torch.as_tensor(x)).numpy(), written_out(weights, x), atol=1e-9)


@pytest.fixture(scope="module")
def separable():
    rng = np.random.default_rng(0)
    y = np.repeat(["busy", "calm", "sad"], 60)
    return rng.standard_normal((180, 5, 4)) + 2 * np.eye(4)[np.repeat([0, 1, 2], 60)][:, None, :], y


@pytest.fixture(scope="module")
def small():
    return RBTransformer(n_epochs=4, batch_size=32, late_batch_size=16, n_blocks=1)


def test_it_learns_and_its_loss_falls(small, separable):
    X, y = separable
    model = small.fit(X[::2], y[::2])
    assert model.losses_[-1] < 0.8 * model.losses_[0]
    assert model.score(X[1::2], y[1::2]) > 0.95
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, atol=1e-6)


def test_its_seed_decides_and_the_seed_of_others_is_left_alone(small, separable):
    X, y = separable
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = small.fit(X, y).predict_proba(X)
    assert torch.rand(1) == expected
    np.testing.assert_array_equal(first, small.fit(X, y).predict_proba(X))


def test_what_it_cannot_take_is_refused_in_words(small, separable):
    X, y = separable
    with pytest.raises(ValueError, match="at least two classes"):
        small.fit(X, np.full(len(X), "calm"))
    with pytest.raises(ValueError, match="NaN"):
        small.fit(np.where(X > 2, np.nan, X), y)
    with pytest.raises(ValueError, match=r"\(n_windows, n_chans, n_bands\), found shape \(180, 20\)"):
        small.fit(X.reshape(180, 20), y)
    fitted = small.fit(X, y)
    with pytest.raises(ValueError, match="expected 5 channels and 4 bands"):
        fitted.predict(X[:, :, :3])
