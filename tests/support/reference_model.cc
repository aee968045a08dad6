#include "tests/support/reference_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_ref.h"

namespace polarize {
namespace {

using Row = std::vector<double>;

class Model {
 public:
  Model(const ModelConfig& config, const Parameters& parameters,
        const double* values)
      : config_(config),
        parameters_(parameters),
        values_(values),
        kind_(AttentionKinds()[config.attention_kind].name) {}

  ReferenceOutputs Forward(const std::vector<int32_t>& token) const {
    const size_t positions = config_.positions;
    std::vector<Row> x;
    for (size_t r = 0; r < token.size(); ++r) {
      x.push_back(Embed(token[r], r % positions));
    }
    ReferenceOutputs out;
    for (const LayerParameters& p : parameters_.layers) {
      x = Layer(p, x, out);
    }
    for (const Row& row : x) {
      const Row logits =
          Linear(parameters_.output, Norm(parameters_.final_norm, row));
      out.logits.insert(out.logits.end(), logits.begin(), logits.end());
    }
    return out;
  }

 private:
  Row Embed(int32_t token, size_t position) const {
    const size_t width = config_.token_width();
    const double* t = values_ + parameters_.token_table + token * width;
    const double* p = values_ + parameters_.position_table + position * width;
    Row x(t, t + width);
    if (config_.positional == Positional::kConcat)
      x.insert(x.end(), p, p + width);
    if (config_.positional == Positional::kAdd) {
      for (size_t i = 0; i < width; ++i) x[i] += p[i];
    }
    return x;
  }

  Row Linear(const LinearParameters& p, const Row& x) const {
    Row y(p.outer);
    for (size_t o = 0; o < p.outer; ++o) {
      const double* w = values_ + p.weight + o * p.inner;
      y[o] = std::inner_product(x.begin(), x.end(), w, values_[p.bias + o]);
    }
    return y;
  }

  Row Norm(const NormParameters& p, const Row& x) const {
    if (!config_.use_layernorm) return x;
    const double n = static_cast<double>(x.size());
    const double mean = std::accumulate(x.begin(), x.end(), 0.0) / n;
    double variance = 0;
    for (double v : x) variance += (v - mean) * (v - mean) / n;
    Row y(x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      y[i] =
          (x[i] - mean) / std::sqrt(variance + 1e-5) * values_[p.weight + i] +
          values_[p.bias + i];
    }
    return y;
  }

  Row Mlp(const LinearParameters& in, const LinearParameters& out,
          const Row& x) const {
    Row hidden = Linear(in, x);
    for (double& h : hidden) h *= 0.5 * (1 + std::erf(h / std::sqrt(2.0)));
    return Linear(out, hidden);
  }

  // A head's part of a row of q or k, through the shared MLP if there is one.
  Row Head(const LayerParameters& p, const Row& row, size_t head) const {
    const size_t width = config_.head_width();
    const Row part(row.begin() + head * width,
                   row.begin() + (head + 1) * width);
    if (!AttentionKinds()[config_.attention_kind].shared_mlp) return part;
    return Mlp(p.attn_mlp_in, p.attn_mlp_out, part);
  }

  std::vector<Row> Layer(const LayerParameters& p, const std::vector<Row>& x,
                         ReferenceOutputs& out) const {
    std::vector<Row> n, y;
    for (const Row& row : x) n.push_back(Norm(p.norm1, row));
    for (size_t r = 0; r < x.size(); ++r) {
      Row mid = Linear(p.o, Attend(p, n, r, out));
      for (size_t i = 0; i < mid.size(); ++i) mid[i] += x[r][i];
      if (config_.use_mlp) {
        const Row m = Mlp(p.mlp_in, p.mlp_out, Norm(p.norm2, mid));
        for (size_t i = 0; i < mid.size(); ++i) mid[i] += m[i];
      }
      y.push_back(mid);
    }
    return y;
  }

  Row Attend(const LayerParameters& p, const std::vector<Row>& n, size_t r,
             ReferenceOutputs& out) const {
    const size_t keys = config_.positions, width = config_.head_width();
    const size_t first = r - r % keys;
    const size_t visible = config_.causal ? r % keys + 1 : keys;
    Row attended(config_.width);
    for (size_t h = 0; h < config_.heads; ++h) {
      const Row q = Head(p, Linear(p.q, n[r]), h);
      Row k;
      for (size_t j = 0; j < keys; ++j) {
        const Row key = Head(p, Linear(p.k, n[first + j]), h);
        k.insert(k.end(), key.begin(), key.end());
      }
      const Row a = AttentionWeightsRef(kind_, q, k, keys, visible);
      out.weights.insert(out.weights.end(), a.begin(), a.end());
      out.sums.push_back(SumBeforeNormaliser(q, k, visible));
      for (size_t j = 0; j < keys; ++j) {
        const Row v = Linear(p.v, n[first + j]);
        for (size_t i = 0; i < width; ++i) {
          attended[h * width + i] += a[j] * v[h * width + i];
        }
      }
    }
    return attended;
  }

  // Each normalised kind but softmax has a twin without normaliser.
  double SumBeforeNormaliser(const Row& q, const Row& k, size_t visible) const {
    std::string twin = kind_;
    if (kind_ == "softmax") return 0;
    if (kind_ == "uniform") return static_cast<double>(visible);
    if (kind_ == "linear") twin = "linear_unnorm";
    const size_t norm = twin.rfind("_norm");
    if (norm != std::string::npos) twin.replace(norm, 5, "_unnorm");
    const Row a = AttentionWeightsRef(twin, q, k, config_.positions, visible);
    return std::accumulate(a.begin(), a.end(), 0.0);
  }

  const ModelConfig& config_;
  const Parameters& parameters_;
  const double* const values_;
  const std::string kind_;
};

}  // namespace

ReferenceOutputs ReferenceForward(const ModelConfig& config,
                                  const Parameters& parameters,
                                  const double* values,
                                  const std::vector<int32_t>& token) {
  return Model(config, parameters, values).Forward(token);
}

std::vector<double> ReferenceLosses(const std::vector<double>& logits,
                                    const std::vector<int32_t>& target,
                                    size_t outputs) {
  std::vector<double> losses;
  for (size_t r = 0; r < target.size(); ++r) {
    const double* row = logits.data() + r * outputs;
    const double largest = *std::max_element(row, row + outputs);
    double sum = 0;
    for (size_t c = 0; c < outputs; ++c) sum += std::exp(row[c] - largest);
    losses.push_back(std::log(sum) + largest - row[target[r]]);
  }
  return losses;
}

}  // namespace polarize
