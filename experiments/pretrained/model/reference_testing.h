// A random model and its forward pass as plain loops in double.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_REFERENCE_TESTING_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_REFERENCE_TESTING_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "absl/types/span.h"
#include "experiments/pretrained/model/layer_weights.h"
#include "experiments/pretrained/model/sizes.h"

namespace polarize {

// A matrix and, if it is bfloat16, its bits, of which the floats are then
// exact.
struct OwnedMatrix {
  size_t rows, cols;
  std::vector<float> values;
  std::vector<uint16_t> bits;

  OwnedMatrix(std::mt19937& random, size_t rows, size_t cols, bool bf16)
      : rows(rows), cols(cols), values(rows * cols) {
    std::normal_distribution<float> normal(
        0, 1 / std::sqrt(static_cast<float>(rows)));
    for (float& v : values) {
      v = normal(random);
      if (!bf16) continue;
      uint32_t all;
      std::memcpy(&all, &v, sizeof(all));
      bits.push_back(static_cast<uint16_t>(all >> 16));
      all &= 0xFFFF0000u;
      std::memcpy(&v, &all, sizeof(all));
    }
  }
  // A copy of float32 values.
  explicit OwnedMatrix(const WeightMatrix& from)
      : rows(from.rows),
        cols(from.cols),
        values(from.f32.begin(), from.f32.end()) {}
  WeightMatrix View() const {
    WeightMatrix view;
    view.rows = rows;
    view.cols = cols;
    if (bits.empty()) {
      view.f32 = values;
    } else {
      view.bf16 = bits;
    }
    return view;
  }
};

inline std::vector<float> RandomScale(std::mt19937& random, size_t size,
                                      float mean) {
  std::normal_distribution<float> normal(mean, 0.3f);
  std::vector<float> scale(size);
  for (float& v : scale) v = normal(random);
  return scale;
}

struct OwnedLayer {
  std::vector<float> attention_prenorm, attention_postnorm, query_norm,
      key_norm, ffn_prenorm, ffn_postnorm;
  OwnedMatrix q, k, v, o, gate, up, down;

  // Scales of queries and keys that make some heads sharp.
  OwnedLayer(std::mt19937& random, const PretrainedSizes& s, bool bf16)
      : attention_prenorm(RandomScale(random, s.embed_dim, 1)),
        attention_postnorm(RandomScale(random, s.embed_dim, 0.8f)),
        query_norm(RandomScale(random, s.head_dim, 1.3f)),
        key_norm(RandomScale(random, s.head_dim, 1.2f)),
        ffn_prenorm(RandomScale(random, s.embed_dim, 1.1f)),
        ffn_postnorm(RandomScale(random, s.embed_dim, 0.7f)),
        q(random, s.embed_dim, s.attention_dim(), bf16),
        k(random, s.embed_dim, s.attention_dim(), bf16),
        v(random, s.embed_dim, s.attention_dim(), bf16),
        o(random, s.attention_dim(), s.embed_dim, bf16),
        gate(random, s.embed_dim, s.ffn_dim, bf16),
        up(random, s.embed_dim, s.ffn_dim, bf16),
        down(random, s.ffn_dim, s.embed_dim, bf16) {}

  // A copy of a layer in float32.
  explicit OwnedLayer(const LayerWeights& from)
      : attention_prenorm(Copy(from.attention_prenorm)),
        attention_postnorm(Copy(from.attention_postnorm)),
        query_norm(Copy(from.query_norm)),
        key_norm(Copy(from.key_norm)),
        ffn_prenorm(Copy(from.ffn_prenorm)),
        ffn_postnorm(Copy(from.ffn_postnorm)),
        q(from.q),
        k(from.k),
        v(from.v),
        o(from.o),
        gate(from.gate),
        up(from.up),
        down(from.down) {}

  LayerWeights View() const {
    LayerWeights view;
    view.attention_prenorm = attention_prenorm;
    view.attention_postnorm = attention_postnorm;
    view.query_norm = query_norm;
    view.key_norm = key_norm;
    view.ffn_prenorm = ffn_prenorm;
    view.ffn_postnorm = ffn_postnorm;
    view.q = q.View();
    view.k = k.View();
    view.v = v.View();
    view.o = o.View();
    view.gate = gate.View();
    view.up = up.View();
    view.down = down.View();
    return view;
  }

 private:
  static std::vector<float> Copy(absl::Span<const float> from) {
    return {from.begin(), from.end()};
  }
};

using Doubles = std::vector<double>;

// One prompt, layer by layer; everything in double and in the order of the
// formulas.
class ReferenceForward {
 public:
  ReferenceForward(const PretrainedSizes& sizes, bool sigmoid,
                   const OwnedMatrix& embedding,
                   const std::vector<int32_t>& ids)
      : sizes_(sizes), sigmoid_(sigmoid), length_(ids.size()) {
    for (const int32_t id : ids) {
      const auto row = embedding.values.begin() +
                       static_cast<ptrdiff_t>(id * sizes.embed_dim);
      hidden_.insert(hidden_.end(), row,
                     row + static_cast<ptrdiff_t>(sizes.embed_dim));
    }
  }

  const Doubles& hidden() const { return hidden_; }
  // Of the last layer run: weights()[(head * length + i) * length + j].
  const Doubles& weights() const { return weights_; }

  void RunLayer(const OwnedLayer& layer) {
    const Doubles a = Norm(hidden_, layer.attention_prenorm);
    const double root = std::sqrt(static_cast<double>(sizes_.head_dim));
    Doubles q = Norm(Product(a, layer.q), layer.query_norm);
    for (double& x : q) x /= root;
    const Doubles k = Norm(Product(a, layer.k), layer.key_norm);
    const Doubles context = Attend(q, k, Product(a, layer.v));
    Add(Norm(Product(context, layer.o), layer.attention_postnorm));
    const Doubles f = Norm(hidden_, layer.ffn_prenorm);
    Doubles h = Product(f, layer.gate);
    const Doubles up = Product(f, layer.up);
    for (size_t i = 0; i < h.size(); ++i) {
      h[i] = h[i] / (1 + std::exp(-h[i])) * up[i];
    }
    Add(Norm(Product(h, layer.down), layer.ffn_postnorm));
  }

 private:
  static Doubles Norm(Doubles x, const std::vector<float>& scale) {
    const size_t width = scale.size();
    for (size_t row = 0; row < x.size(); row += width) {
      double squares = 0;
      for (size_t c = 0; c < width; ++c) squares += x[row + c] * x[row + c];
      const double root =
          std::sqrt(squares / static_cast<double>(width) + 1e-5);
      for (size_t c = 0; c < width; ++c) x[row + c] *= scale[c] / root;
    }
    return x;
  }
  Doubles Product(const Doubles& x, const OwnedMatrix& w) const {
    Doubles y(length_ * w.cols);
    for (size_t r = 0; r < length_; ++r) {
      for (size_t i = 0; i < w.rows; ++i) {
        const double left = x[r * w.rows + i];
        for (size_t c = 0; c < w.cols; ++c) {
          y[r * w.cols + c] += left * w.values[i * w.cols + c];
        }
      }
    }
    return y;
  }
  double Score(const Doubles& q, const Doubles& k, size_t head, size_t i,
               size_t j) const {
    const size_t stride = sizes_.attention_dim();
    double score = 0;
    for (size_t h = head * sizes_.head_dim; h < (head + 1) * sizes_.head_dim;
         ++h) {
      score += q[i * stride + h] * k[j * stride + h];
    }
    const double slope = std::exp2(-8.0 * static_cast<double>(head + 1) /
                                   static_cast<double>(sizes_.heads));
    return score - slope * static_cast<double>(i - j) -
           (sigmoid_ ? std::log(4096.0) : 0);
  }
  Doubles Attend(const Doubles& q, const Doubles& k, const Doubles& v) {
    const size_t stride = sizes_.attention_dim(), width = sizes_.head_dim;
    Doubles context(length_ * stride);
    weights_.assign(sizes_.heads * length_ * length_, 0);
    for (size_t head = 0; head < sizes_.heads; ++head) {
      for (size_t i = 0; i < length_; ++i) {
        double* const p = weights_.data() + (head * length_ + i) * length_;
        double sum = 0;
        for (size_t j = 0; j <= i; ++j) {
          const double s = Score(q, k, head, i, j);
          p[j] = sigmoid_ ? 1 / (1 + std::exp(-s)) : std::exp(s);
          sum += p[j];
        }
        for (size_t j = 0; j <= i; ++j) {
          if (!sigmoid_) p[j] /= sum;
          for (size_t h = head * width; h < (head + 1) * width; ++h) {
            context[i * stride + h] += p[j] * v[j * stride + h];
          }
        }
      }
    }
    return context;
  }
  void Add(const Doubles& x) {
    for (size_t i = 0; i < x.size(); ++i) hidden_[i] += x[i];
  }

  PretrainedSizes sizes_;
  bool sigmoid_;
  size_t length_;
  Doubles hidden_, weights_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_MODEL_REFERENCE_TESTING_H_
