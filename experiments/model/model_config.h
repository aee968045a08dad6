// The transformer of sections 4.1 and 4.2, in numbers.
#ifndef POLARIZE_EXPERIMENTS_MODEL_MODEL_CONFIG_H_
#define POLARIZE_EXPERIMENTS_MODEL_MODEL_CONFIG_H_

#include <cstddef>

namespace polarize {

// How token and position embeddings make one row of width E: side by side (E/2
// each), as a sum (E each), or the token alone.
enum class Positional { kConcat, kAdd, kNone };

// Rows of the position embedding: the reference's max_seq_length, never
// changed.
inline constexpr size_t kPositionRows = 512;

struct ModelConfig {
  size_t vocabulary;  // V: rows of the token embedding
  size_t outputs;     // O
  size_t positions;   // T: positions of a sequence
  size_t width;       // E
  size_t layers;
  size_t heads;   // N
  size_t hidden;  // F: width of the MLP
  bool use_mlp;
  bool use_layernorm;
  bool causal;
  size_t attention_kind;  // index into AttentionKinds()
  Positional positional;
  double attention_temperature = 1;  // scores are divided by it
  // Products with factors rounded to bfloat16 (of a Transformer<float> alone).
  bool bf16 = false;
  // Heads of q and k divided by their root mean square; not for a kind without
  // scores.
  bool qk_norm = false;
  // Attention's output times sigmoid(gate_proj n1), before o_proj.
  bool attention_gate = false;

  size_t head_width() const { return width / heads; }  // H
  // Hidden width of the MLP that the mlp kinds put on q and k.
  size_t attention_hidden() const { return 4 * head_width(); }
  size_t token_width() const {
    return positional == Positional::kConcat ? width / 2 : width;
  }
};

// Epsilon of every layer norm.
inline constexpr double kLayerNormEpsilon = 1e-5;
// And of the norms of q and k.
inline constexpr double kQkNormEpsilon = 1e-5;

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_MODEL_CONFIG_H_
