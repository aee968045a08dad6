// Initial weights of the layers, drawn as PyTorch's nn.Linear and nn.Embedding
// draw them (reset_parameters of each), bit for bit. Layers consume one stream
// in the order in which the model creates them. LayerNorm draws nothing: ones
// and zeros.
#ifndef POLARIZE_EXPERIMENTS_MODEL_INIT_H_
#define POLARIZE_EXPERIMENTS_MODEL_INIT_H_

#include <cstddef>

#include "kernels/base/random/torch_random.h"

namespace polarize {

// weight[fan_out][fan_in], then bias[fan_out]: uniform within 1/sqrt(fan_in)
// (the weight by Kaiming's rule with slope sqrt(5), which is the same bound but
// for its rounding). Overwrites both. fan_out (fan_in + 1) words.
void InitLinear(TorchRandom& random, size_t fan_in, size_t fan_out,
                float* weight, float* bias);

// table[rows][width]: standard normal. Overwrites it; aborts if it has fewer
// than TorchRandom::kNormalBlock elements.
void InitEmbedding(TorchRandom& random, size_t rows, size_t width,
                   float* table);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_INIT_H_
