"""The layers of RBTransformer. Apart from its estimator, so that the room of models opens without PyTorch."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

__all__ = ["Network"]


class _Attention(nn.Module):
    """Self-attention between electrodes, written out: the fused module neither exports nor quantises cleanly."""

    def __init__(self, dim: int, n_heads: int, head_dim: int, dropout: float) -> None:
        super().__init__()
        self.n_heads, self.head_dim = n_heads, head_dim
        self.qkv = nn.Linear(dim, 3 * n_heads * head_dim, bias=False)
        self.out = nn.Linear(n_heads * head_dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, n_chans, _ = x.shape
        q, k, v = self.qkv(x).view(n, n_chans, 3, self.n_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        weights = self.dropout((q @ k.transpose(-1, -2) * self.head_dim**-0.5).softmax(-1))
        attended: torch.Tensor = self.dropout(self.out((weights @ v).transpose(1, 2).flatten(2)))
        return attended


class _Block(nn.Module):
    def __init__(self, dim: int, n_heads: int, head_dim: int, dropout: float) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(dim)
        self.attention = _Attention(dim, n_heads, head_dim, dropout)
        self.before_perceptron = nn.LayerNorm(dim)
        self.perceptron = nn.Sequential(
            nn.Linear(dim, dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(dim, dim), nn.Dropout(dropout)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.before_attention(x))
        out: torch.Tensor = x + self.perceptron(self.before_perceptron(x))
        return out


class Network(nn.Module):
    """Windows of band entropies to logits."""

    def __init__(
        self,
        n_chans: int,
        n_outputs: int,
        n_bands: int,
        dim: int,
        n_blocks: int,
        n_heads: int,
        head_dim: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.project = nn.Linear(n_bands, dim)
        self.electrodes = nn.Parameter(torch.randn(1, n_chans, dim))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(_Block(dim, n_heads, head_dim, dropout) for _ in range(n_blocks)))
        widths = (dim, 2 * dim, 2 * dim, dim)
        hidden = [
            layer
            for wide, wider in pairwise(widths)
            for layer in (nn.Linear(wide, wider), nn.GELU(), nn.Dropout(dropout))
        ]
        self.head = nn.Sequential(nn.LayerNorm(dim), *hidden, nn.Linear(dim, n_outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.dropout(self.project(x) + self.electrodes)
        logits: torch.Tensor = self.head(self.blocks(tokens).mean(dim=1))
        return logits
