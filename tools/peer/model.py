"""The reference's transformer (sections 4.1 and 4.2) in plain PyTorch.

Written from the specification in the style a researcher would use, for three
ends: an oracle for tests, a reader of the weights that the experiments write
(the state_dict has the reference's names), and the peer in benchmarks.

Letters: B batch, T positions, E embedding width, N heads, H = E / N.
Modules are made in the order in which the reference draws random numbers, so
torch.manual_seed(seed) before Transformer(...) gives its initial weights.

Debian: apt-get install python3-torch libopenblas0-pthread
"""

import dataclasses
import math
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

from attention_types import ATTENTION_TYPES

MAX_SEQ_LENGTH = 512  # rows of the position table

POSITIONAL_TYPES = ("concat", "add", "no")

# Kinds that divide by (sum + 1e-9), and by max(|sum|, 1).
_SUM_NORMALISED = (
    "uniform",
    "sigmoid_norm",
    "linear",
    "coupled_linear_norm",
    "relu_norm",
)
_CLAMPED = ("raw_dotproduct_norm", "mlp_norm")
# Kinds that softmax a row, two of them with a sink in it.
_SOFTMAX = ("softmax", "softmax_1", "softmax_sink")


@dataclasses.dataclass
class ModelConfig:
    """The model's options under their names in the configuration files."""

    embed_dim: int = 128
    num_layers: int = 2
    num_heads: int = 4
    mlp_ratio: float = 4.0
    use_mlp: bool = True
    use_layernorm: bool = True
    is_causal: bool = True
    attention_type: str = "softmax"
    positional_type: str = "concat"
    attention_temperature: float = 1.0
    qk_norm: bool = False
    attention_gate: bool = False

    def __post_init__(self):
        if self.attention_type not in ATTENTION_TYPES:
            raise ValueError(
                "attention_type: '%s' is none of %s"
                % (self.attention_type, ", ".join(ATTENTION_TYPES))
            )
        if self.positional_type not in POSITIONAL_TYPES:
            raise ValueError(
                "positional_type: '%s' is none of %s"
                % (self.positional_type, ", ".join(POSITIONAL_TYPES))
            )
        if self.embed_dim % self.num_heads:
            raise ValueError(
                "embed_dim: %d is no multiple of num_heads, %d"
                % (self.embed_dim, self.num_heads)
            )
        if self.qk_norm and self.attention_type == "uniform":
            raise ValueError("qk_norm: attention_type 'uniform' has no scores")


def two_layer_mlp(width, hidden):
    return nn.Sequential(
        nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
    )


def softmax_with_sink(scores, logit):
    """Softmax with one more column, of scores `logit`, that is dropped again."""
    column = logit.expand(scores.shape[:-1] + (1,))
    return torch.softmax(torch.cat([column, scores], dim=-1), dim=-1)[..., 1:]


def normalise(attention_type, weights):
    """Applies the normaliser of the kind to the last axis."""
    if attention_type in _SUM_NORMALISED:
        return weights / (weights.sum(dim=-1, keepdim=True) + 1e-9)
    if attention_type in _CLAMPED:
        total = weights.sum(dim=-1, keepdim=True)
        return weights / total.abs().clamp(min=1.0)
    return weights


class RmsNorm(nn.Module):
    """nn.RMSNorm, which PyTorch has since 2.4."""

    def __init__(self, width, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        if hasattr(F, "rms_norm"):
            return F.rms_norm(x, self.weight.shape, self.weight, self.eps)
        square = x.pow(2).mean(dim=-1, keepdim=True)
        return x * torch.rsqrt(square + self.eps) * self.weight


class Block(nn.Module):
    """x += o_proj(attention(norm1 x)); x += mlp(norm2 x)."""

    def __init__(self, config):
        super().__init__()
        width = config.embed_dim
        self.config = config
        self.head_dim = width // config.num_heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.o_proj = nn.Linear(width, width)
        norm = nn.LayerNorm if config.use_layernorm else nn.Identity
        self.norm1 = norm(width)
        if config.use_mlp:
            self.norm2 = norm(width)
            self.mlp = two_layer_mlp(width, int(width * config.mlp_ratio))
        if config.attention_type in ("mlp_norm", "mlp_unnorm"):
            # One for queries, keys and all heads.
            self.attn_mlp = two_layer_mlp(self.head_dim, 4 * self.head_dim)
        if config.attention_type == "softmax_sink":
            self.sink_logit = nn.Parameter(torch.zeros(config.num_heads))
        if config.attention_gate:
            self.gate_proj = nn.Linear(width, width)
        if config.qk_norm:
            self.q_norm = RmsNorm(self.head_dim)
            self.k_norm = RmsNorm(self.head_dim)
        self.kept = None  # a list is given the weights of every forward pass

    def split_heads(self, x):  # [B, T, E] -> [B, N, T, H]
        batch, length, _ = x.shape
        shape = (batch, length, self.config.num_heads, self.head_dim)
        return x.view(shape).transpose(1, 2)

    def unmasked_weights(self, q, k):  # [B, N, T, T]
        kind = self.config.attention_type
        scale = self.head_dim**-0.5
        if kind in ("mlp_norm", "mlp_unnorm"):
            q, k = self.attn_mlp(q), self.attn_mlp(k)
        if self.config.qk_norm:
            q, k = self.q_norm(q), self.k_norm(k)
        if kind == "uniform":
            length = q.shape[-2]
            return q.new_ones(q.shape[:-1] + (length,))
        if kind in ("linear", "linear_unnorm"):
            q, k, scale = F.elu(q) + 1, F.elu(k) + 1, 1.0
        scale /= self.config.attention_temperature
        scores = torch.matmul(q, k.transpose(-2, -1)) * scale
        if kind in ("sigmoid_norm", "sigmoid_unnorm"):
            return torch.sigmoid(scores)
        if kind == "sigmoid_bias":
            return torch.sigmoid(scores - math.log(scores.shape[-1]))
        if kind == "exp_unnorm":
            return torch.exp(scores)
        if kind in ("relu_norm", "relu_unnorm"):
            return F.relu(scores)
        if kind in ("coupled_linear_norm", "coupled_linear_unnorm"):
            return F.elu(scores) + 1
        return scores

    def attention(self, x, mask):
        q = self.split_heads(self.q_proj(x))
        k = self.split_heads(self.k_proj(x))
        v = self.split_heads(self.v_proj(x))
        kind = self.config.attention_type
        weights = self.unmasked_weights(q, k)
        if mask is not None:
            fill = float("-inf") if kind in _SOFTMAX else 0.0
            weights = weights.masked_fill(mask, fill)
        if kind == "softmax":
            weights = torch.softmax(weights, dim=-1)
        if kind == "softmax_1":
            weights = softmax_with_sink(weights, weights.new_zeros(()))
        if kind == "softmax_sink":
            logit = self.sink_logit.view(-1, 1, 1)
            weights = softmax_with_sink(weights, logit)
        weights = normalise(kind, weights)
        if self.kept is not None:
            self.kept.append(weights.detach())
        out = torch.matmul(weights, v).transpose(1, 2).contiguous()
        out = out.view(x.shape)
        if self.config.attention_gate:
            out = out * torch.sigmoid(self.gate_proj(x))
        return self.o_proj(out)

    def forward(self, x, mask):
        x = x + self.attention(self.norm1(x), mask)
        if self.config.use_mlp:
            x = x + self.mlp(self.norm2(x))
        return x


class Transformer(nn.Module):
    """Token ids [B, T] to logits [B, T, num_outputs]."""

    def __init__(self, num_tokens, num_outputs, config):
        super().__init__()
        self.config = config
        width = config.embed_dim
        token_width = width
        if config.positional_type == "concat":
            token_width = width // 2
        if config.positional_type != "no":
            # As wide as a token's part, both for `concat` and for `add`.
            self.pos_embedding = nn.Embedding(MAX_SEQ_LENGTH, token_width)
        self.embedding = nn.Embedding(num_tokens, token_width)
        self.layers = nn.ModuleList(
            [Block(config) for _ in range(config.num_layers)]
        )
        norm = nn.LayerNorm if config.use_layernorm else nn.Identity
        self.final_norm = norm(width)
        self.output_proj = nn.Linear(width, num_outputs)

    def embed(self, tokens):
        x = self.embedding(tokens)
        if self.config.positional_type == "no":
            return x
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        rows = self.pos_embedding(positions).unsqueeze(0).expand_as(x)
        if self.config.positional_type == "add":
            return x + rows
        return torch.cat([x, rows], dim=-1)

    def forward(self, tokens):
        x = self.embed(tokens)
        mask = None
        if self.config.is_causal:
            length = tokens.shape[1]
            ones = torch.ones(
                length, length, dtype=torch.bool, device=tokens.device
            )
            mask = torch.triu(ones, diagonal=1)
        for layer in self.layers:
            x = layer(x, mask)
        return self.output_proj(self.final_norm(x))


def induction_loss_parts(logits, target):
    """Cross entropy of all positions but the last, and of the last."""
    outputs = logits.shape[-1]
    start = F.cross_entropy(
        logits[:, :-1].reshape(-1, outputs), target[:, :-1].reshape(-1)
    )
    return start, F.cross_entropy(logits[:, -1], target[:, -1])


def induction_loss(logits, target, aux_loss_weight):
    start, main = induction_loss_parts(logits, target)
    return aux_loss_weight * start + main


def induction_sequence(vocab_size, seq_length, shift_query_token):
    """One sequence, from Python's own random stream.

    BOS 0, seq_length - 3 distinct tokens, one of them again (its id plus
    vocab_size when shifted), and the token that followed it.
    """
    distinct = random.sample(list(range(1, vocab_size)), seq_length - 3)
    index = random.randint(0, seq_length - 4)
    query = distinct[index] + (vocab_size if shift_query_token else 0)
    return [0] + distinct + [query, (distinct + [query])[index + 1]]


def induction_data(count, vocab_size, seq_length, shift_query_token):
    """Input and target, [count, seq_length - 1] each."""
    rows = [
        induction_sequence(vocab_size, seq_length, shift_query_token)
        for _ in range(count)
    ]
    tokens = torch.tensor(rows, dtype=torch.long)
    return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


def classification_data(count, vocab_size, seq_length, num_labels):
    """Input [count, seq_length] and label [count], from PyTorch's stream.

    The tokens 1..vocab_size-1 form one group a label; a sample is
    seq_length - 1 distinct tokens of its label's group, then CLS 0.
    """
    group = (vocab_size - 1) // num_labels
    labels = torch.randint(0, num_labels, (count,))
    tokens = torch.zeros(count, seq_length, dtype=torch.long)
    for row, label in zip(tokens, labels.tolist()):
        row[:-1] = torch.randperm(group)[: seq_length - 1] + label * group + 1
    return tokens, labels
