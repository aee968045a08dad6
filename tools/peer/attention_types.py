"""The attention kinds of protos/transformer.proto, the default first.

Those of the paper, then six beyond it.
"""

ATTENTION_TYPES = (
    "softmax",
    "uniform",
    "sigmoid_norm",
    "sigmoid_unnorm",
    "linear",
    "linear_unnorm",
    "coupled_linear_norm",
    "coupled_linear_unnorm",
    "raw_dotproduct_norm",
    "raw_dotproduct_unnorm",
    "mlp_norm",
    "mlp_unnorm",
    "softmax_1",
    "softmax_sink",
    "exp_unnorm",
    "sigmoid_bias",
    "relu_norm",
    "relu_unnorm",
)
