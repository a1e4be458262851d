"""RBTransformer: attention between electrodes over their band entropies (Kumar et al., arXiv 2511.13954, 2025).

Written anew from the paper and from what is known of its public code, which has no licence. One token per electrode,
four pre-norm blocks of self-attention, the mean over electrodes, a perceptron. There is no time in it: a window is a
sample.

The paper's 99 % come from its split, not from this network: see `affectbio.evaluation.RandomWindowKFold`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from affectbio._optional import require

if TYPE_CHECKING:
    import torch

__all__ = ["RBTransformer", "rbtransformer_network"]

_LOWEST_LR = 1e-6


def rbtransformer_network(
    n_chans: int,
    n_outputs: int,
    *,
    n_bands: int = 4,
    dim: int = 128,
    n_blocks: int = 4,
    n_heads: int = 6,
    head_dim: int = 32,
    dropout: float = 0.1,
) -> torch.nn.Module:
    """Make the published network, layer for layer as its code builds it.

    Parameters
    ----------
    n_chans : int
        Electrodes.
    n_outputs : int
        Classes.
    n_bands : int
        Features of an electrode.
    dim : int
        Width of a token.
    n_blocks : int
        Encoder blocks.
    n_heads, head_dim : int
        Heads of attention and the width of each.
    dropout : float
        Share of activations dropped in training.

    Returns
    -------
    torch.nn.Module
        From (n_windows, n_chans, n_bands) to logits (n_windows, n_outputs). 664 834 parameters at 32 electrodes and 2
        classes.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.

    Examples
    --------
    >>> network = rbtransformer_network(14, 2)
    >>> sum(p.numel() for p in network.parameters())
    662530
    """
    require("torch", "deep")
    from affectbio.models._rbtransformer_layers import Network

    return Network(n_chans, n_outputs, n_bands, dim, n_blocks, n_heads, head_dim, dropout)


class RBTransformer(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """RBTransformer with the published training: AdamW, cosine decay, smoothed labels, no test data looked at.

    Parameters
    ----------
    n_epochs : int
        Passes over the training windows; the model of the last is kept.
    lr, weight_decay : float
        Of AdamW; the rate falls along a cosine to 1e-6, a step an epoch.
    batch_size, late_batch_size : int
        Windows a step in the first half of the epochs and in the second.
    label_smoothing : float
        Share of a label that is spread over all classes.
    dim, n_blocks, n_heads, head_dim, dropout
        As for `rbtransformer_network`.
    seed : int
        Of weights, dropout and the order of windows. PyTorch's own generator is left as it was.
    device : str
        Where PyTorch computes.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels.
    network_ : torch.nn.Module
        Trained.
    shape_in_ : tuple of int
        Channels and bands of a window.
    losses_ : list of float
        Mean training loss of each epoch.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> y = np.repeat(["calm", "busy"], 64)
    >>> X = rng.standard_normal((128, 4, 4)) + 2 * (y == "busy")[:, None, None]
    >>> float(RBTransformer(n_epochs=3, batch_size=32, late_batch_size=32, n_blocks=1).fit(X, y).score(X, y)) > 0.9
    True
    """

    def __init__(
        self,
        n_epochs: int = 300,
        lr: float = 1e-3,
        weight_decay: float = 1e-3,
        batch_size: int = 256,
        late_batch_size: int = 64,
        label_smoothing: float = 0.12,
        dim: int = 128,
        n_blocks: int = 4,
        n_heads: int = 6,
        head_dim: int = 32,
        dropout: float = 0.1,
        seed: int = 23,
        device: str = "cpu",
    ) -> None:
        self.n_epochs = n_epochs
        self.lr = lr
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.late_batch_size = late_batch_size
        self.label_smoothing = label_smoothing
        self.dim = dim
        self.n_blocks = n_blocks
        self.n_heads = n_heads
        self.head_dim = head_dim
        self.dropout = dropout
        self.seed = seed
        self.device = device

    def fit(self, X: npt.NDArray[Any], y: npt.NDArray[Any]) -> RBTransformer:
        """Train from scratch.

        Parameters
        ----------
        X : ndarray, shape (n_windows, n_chans, n_bands)
            Band entropies.
        y : ndarray, shape (n_windows,)
            Labels.

        Returns
        -------
        self
            Fitted.

        Raises
        ------
        ValueError
            If a value is not finite, X has other axes, or there are fewer than two classes.
        MissingExtraError
            If PyTorch is not installed.
        """
        require("torch", "deep")
        import torch

        X, y = validate_data(self, X, y, dtype=np.float32, allow_nd=True, ensure_min_samples=2)
        check_classification_targets(y)
        self._three_axes(X)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"expected at least two classes to tell apart, found {self.classes_.tolist()}")
        inputs = torch.as_tensor(X, device=self.device)
        targets = torch.as_tensor(codes, device=self.device)
        with torch.random.fork_rng(devices=[] if self.device == "cpu" else None):
            torch.manual_seed(self.seed)
            self.network_ = rbtransformer_network(
                X.shape[1],
                len(self.classes_),
                n_bands=X.shape[2],
                dim=self.dim,
                n_blocks=self.n_blocks,
                n_heads=self.n_heads,
                head_dim=self.head_dim,
                dropout=self.dropout,
            ).to(self.device)
            self.losses_ = self._train(inputs, targets)
        self.network_.eval()
        self.shape_in_ = X.shape[1:]
        return self

    def predict_proba(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give the probability of each class.

        Parameters
        ----------
        X : ndarray, shape (n_windows, n_chans, n_bands)
            As in `fit`.

        Returns
        -------
        ndarray, shape (n_windows, n_classes)
            In the order of ``classes_``; not calibrated.

        Raises
        ------
        ValueError
            If X has other channels or bands than in `fit`, or a value is not finite.
        """
        import torch

        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float32, allow_nd=True, reset=False)
        self._three_axes(X)
        expected = self.shape_in_
        if X.shape[1:] != expected:
            raise ValueError(f"expected {expected[0]} channels and {expected[1]} bands, as in fit; found {X.shape[1:]}")
        with torch.inference_mode():
            parts = [
                self.network_(part).softmax(1) for part in torch.split(torch.as_tensor(X, device=self.device), 4096)
            ]
        probability: npt.NDArray[Any] = torch.cat(parts).cpu().numpy()
        return probability

    def predict(self, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give the most probable class.

        Parameters
        ----------
        X : ndarray, shape (n_windows, n_chans, n_bands)
            As in `fit`.

        Returns
        -------
        ndarray, shape (n_windows,)
            Labels.
        """
        label: npt.NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return label

    def _train(self, inputs: torch.Tensor, targets: torch.Tensor) -> list[float]:
        import torch

        optimiser = torch.optim.AdamW(self.network_.parameters(), lr=self.lr, weight_decay=self.weight_decay)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.n_epochs, eta_min=_LOWEST_LR)
        loss_of = torch.nn.CrossEntropyLoss(label_smoothing=self.label_smoothing)
        self.network_.train()
        losses = []
        for epoch in range(self.n_epochs):
            size = self.batch_size if 2 * epoch < self.n_epochs else self.late_batch_size
            total = 0.0
            for batch in torch.split(torch.randperm(len(inputs)).to(inputs.device), size):
                optimiser.zero_grad(set_to_none=True)
                loss = loss_of(self.network_(inputs[batch]), targets[batch])
                loss.backward()
                optimiser.step()
                total += loss.item() * len(batch)
            schedule.step()
            losses.append(total / len(inputs))
        return losses

    def _three_axes(self, X: npt.NDArray[Any]) -> None:
        if X.ndim != 3:
            raise ValueError(f"expected windows of shape (n_windows, n_chans, n_bands), found shape {X.shape}")
