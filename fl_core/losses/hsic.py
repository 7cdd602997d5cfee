"""Normalised HSIC, NeuLite's estimate of how much one representation tells about another (arXiv 2408.10826, its code).

For a batch of m samples: K_ij = exp(-|x_i - x_j|^2 / (2 sigma^2 d)), centred by H = I - 1/m; HSIC(X, Y) is the mean of
(K_x H) * (K_y H)^T; nHSIC(X, Y) = HSIC(X, Y) / sqrt(HSIC(X, X) HSIC(Y, Y)): 1 for equal inputs, symmetric, in [0, 1].
"""

import torch
from torch import Tensor

SIGMA = 5.0
SMALLEST = 1e-12  # a batch whose samples are all alike has no dependence on anything: 0, not 0/0


def centred_kernel(features: Tensor, sigma: float = SIGMA) -> Tensor:
    """(m, ...) -> (m, m): the Gaussian kernel of flattened samples, its rows centred."""
    flat = features.reshape(len(features), -1)
    squares = (flat * flat).sum(1)
    distances = (squares[:, None] + squares[None, :] - 2 * flat @ flat.t()).clamp(min=0)
    kernel = torch.exp(-distances / (2 * sigma**2 * flat.shape[1]))
    return kernel - kernel.mean(1, keepdim=True)


def nhsic(first: Tensor, second: Tensor, sigma: float = SIGMA) -> Tensor:
    """Scalar in [0, 1] of two (m, ...) tensors, differentiable in both."""
    kx, ky = centred_kernel(first, sigma), centred_kernel(second, sigma)
    joint, own_x, own_y = (kx * ky.t()).mean(), (kx * kx.t()).mean(), (ky * ky.t()).mean()
    return joint / torch.sqrt(own_x * own_y).clamp(min=SMALLEST)
