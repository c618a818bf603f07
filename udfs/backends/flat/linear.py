"""Linear layers whose weights oneDNN has laid out for this CPU, once and for all batches.

torch.nn.Linear hands its weights to oneDNN as they lie in memory, in every call. The operators that
lay them out beforehand are those of torch's own compiler (`torch._inductor.mkldnn_ir`). They are
private, so `lay_out` tries each layer, and refuses what gives another result.
"""

from __future__ import annotations

from typing import Any

import torch

from semscore.udfs.backends.protocol import NotConvertible

TOKENS = 1536  # for which the layout is chosen; it suits any number of tokens
TRIED = 5  # tokens with which a layer is compared
# Largest difference from torch.nn.Linear, relative to the largest value
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
# Blocks that apply a function directly to what a linear layer gives: names of layer and function.
FOLLOWED = (("dense", "intermediate_act_fn"), ("lin1", "activation"))


class LaidOutLinear(torch.nn.Module):
    """A linear layer in a given number format: (..., features) -> (..., features)."""

    def __init__(self, linear: torch.nn.Linear, dtype: torch.dtype, function: str = "none") -> None:
        super().__init__()
        self.out_features = linear.out_features
        weight = linear.weight.detach().to(dtype).contiguous()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, TOKENS)
        self._bias = None if linear.bias is None else linear.bias.detach().to(dtype)
        self._dtype = dtype
        self._function = function

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Multiply, add the bias and apply the function."""
        algorithm = "none" if self._function == "gelu" else ""
        result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            values.to(self._dtype), self._weight, self._bias, self._function, [], algorithm
        )
        return result


@torch.inference_mode()
def lay_out(transformer: torch.nn.Module, dtype: torch.dtype) -> None:
    """Replace all linear layers of a transformer in float32 by laid-out ones.

    A GELU that follows a layer becomes part of it. Raises NotConvertible if this torch or this CPU
    cannot do that, or gives other results.
    """
    if not torch._C._has_mkldnn:
        raise NotConvertible("this torch comes without oneDNN")
    for module in list(transformer.modules()):
        for layer, function in FOLLOWED:
            linear = getattr(module, layer, None)
            if isinstance(linear, torch.nn.Linear) and _is_gelu(getattr(module, function, None)):
                setattr(module, layer, _laid_out(linear, dtype, "gelu"))
                setattr(module, function, torch.nn.Identity())
        for name, linear in module.named_children():
            if type(linear) is torch.nn.Linear:
                setattr(module, name, _laid_out(linear, dtype, "none"))


def _laid_out(linear: torch.nn.Linear, dtype: torch.dtype, function: str) -> LaidOutLinear:
    """Return a laid-out layer, which has been compared with the original."""
    values = torch.linspace(-1, 1, TRIED * linear.in_features).view(TRIED, -1)
    expected = linear(values)
    if function == "gelu":
        expected = torch.nn.functional.gelu(expected)
    try:
        layer = LaidOutLinear(linear, dtype, function)
        found = layer(values).float()
    except (AttributeError, RuntimeError) as error:  # an operator is missing or has changed
        line = str(error).splitlines()[0]
        raise NotConvertible(f"torch {torch.__version__} cannot lay out weights: {line}") from error
    apart = float((found - expected).abs().max() / expected.abs().max().clamp(min=1e-6))
    if not apart <= TOLERANCE[dtype]:  # also true of NaN
        raise NotConvertible(
            f"laid-out weights give other products in torch {torch.__version__}: {apart:.1e} apart"
        )
    return layer


def _is_gelu(function: Any) -> bool:
    """Return whether a function is the exact GELU, not one of its approximations."""
    inner = getattr(function, "act", function)  # transformers wraps torch's function
    return inner is torch.nn.functional.gelu or (
        isinstance(inner, torch.nn.GELU) and inner.approximate == "none"
    )
