#include "tests/support/reference_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "absl/strings/match.h"
#include "kernels/attention/attention.h"
#include "kernels/attention/attention_ref.h"

namespace polarize {
namespace {

using Row = std::vector<double>;

class Model {
 public:
  Model(const ModelConfig& config, const Parameters& parameters,
        const double* values, const Intervention<double>* change)
      : config_(config),
        parameters_(parameters),
        values_(values),
        change_(change),
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
  bool Changes(InterventionSite site) const {
    return change_ != nullptr && change_->site == site;
  }
  bool Changes(InterventionSite site, const LayerParameters& p) const {
    return Changes(site) && &p == &parameters_.layers[change_->layer];
  }
  void Patch(Row& row, size_t first, size_t columns) const {
    for (size_t c = 0; c < columns; ++c) {
      row[first + c] = change_->patch == nullptr ? 0.0 : change_->patch[c];
    }
  }

  Row Embed(int32_t token, size_t position) const {
    const size_t width = config_.token_width();
    const double* t = values_ + parameters_.token_table + token * width;
    const double* p = values_ + parameters_.position_table + position * width;
    Row x(t, t + width);
    if (Changes(InterventionSite::kToken) && change_->token == token) {
      Patch(x, 0, width);
    }
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

  // A head's part of a row of q or k, through the shared MLP if there is one,
  // and normed with this gain if that is asked for.
  Row Head(const LayerParameters& p, const Row& row, size_t head,
           size_t gain) const {
    const size_t width = config_.head_width();
    Row part(row.begin() + head * width, row.begin() + (head + 1) * width);
    if (AttentionKinds()[config_.attention_kind].shared_mlp) {
      part = Mlp(p.attn_mlp_in, p.attn_mlp_out, part);
    }
    if (!config_.qk_norm) return part;
    double squares = 0;
    for (double v : part) squares += v * v;
    const double root = std::sqrt(squares / static_cast<double>(width) + 1e-5);
    for (size_t i = 0; i < width; ++i) {
      part[i] = part[i] / root * values_[gain + i];
    }
    return part;
  }

  std::vector<Row> Layer(const LayerParameters& p, const std::vector<Row>& x,
                         ReferenceOutputs& out) const {
    std::vector<Row> n, y;
    for (const Row& row : x) n.push_back(Norm(p.norm1, row));
    for (size_t r = 0; r < x.size(); ++r) {
      Row attended = Attend(p, n, r, out);
      if (config_.attention_gate) {
        const Row gate = Linear(p.gate, n[r]);
        for (size_t i = 0; i < gate.size(); ++i) {
          attended[i] /= 1 + std::exp(-gate[i]);
        }
      }
      Row mid = Linear(p.o, attended);
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
      const Row q = Head(p, Linear(p.q, n[r]), h, p.q_norm);
      Row k;
      for (size_t j = 0; j < keys; ++j) {
        const Row key = Head(p, Linear(p.k, n[first + j]), h, p.k_norm);
        k.insert(k.end(), key.begin(), key.end());
      }
      const double z = AttentionKinds()[config_.attention_kind].learned_sink
                           ? values_[p.sink_logit + h]
                           : 0;
      const Row a = AttentionWeightsRef(kind_, q, k, keys, visible,
                                        config_.attention_temperature, z);
      out.weights.insert(out.weights.end(), a.begin(), a.end());
      FindKinks(q, Row(k.begin(), k.begin() + visible * width), out);
      for (size_t j = 0; j < keys; ++j) {
        Row v = Linear(p.v, n[first + j]);
        if (j == 0 && Changes(InterventionSite::kFirstValue, p)) {
          Patch(v, 0, config_.width);
        }
        for (size_t i = 0; i < width; ++i) {
          attended[h * width + i] += a[j] * v[h * width + i];
        }
      }
    }
    if (Changes(InterventionSite::kHead, p)) {
      Patch(attended, change_->head * width, width);
    }
    return attended;
  }

  // q: one row of a head. k: the rows of that head that q sees.
  void FindKinks(const Row& q, const Row& k, ReferenceOutputs& out) const {
    const auto near = [&](double distance) {
      out.kink_distance = std::min(out.kink_distance, std::abs(distance));
    };
    if (absl::StartsWith(kind_, "linear")) {
      for (double x : q) near(x);
      for (double x : k) near(x);
      return;
    }
    const double scale = 1 / std::sqrt(static_cast<double>(q.size())) /
                         config_.attention_temperature;
    double sum = 0;
    for (auto key = k.begin(); key != k.end(); key += q.size()) {
      const double score =
          scale * std::inner_product(q.begin(), q.end(), key, 0.0);
      if (absl::StartsWith(kind_, "coupled") ||
          absl::StartsWith(kind_, "relu")) {
        near(score);
      }
      sum += score;
    }
    if (kind_ == "raw_dotproduct_norm" || kind_ == "mlp_norm") {
      near(std::abs(sum) - 1);
      ++(std::abs(sum) > 1 ? out.sums_above_one : out.sums_below_one);
    }
  }

  const ModelConfig& config_;
  const Parameters& parameters_;
  const double* const values_;
  const Intervention<double>* const change_;
  const std::string kind_;
};

}  // namespace

ReferenceOutputs ReferenceForward(const ModelConfig& config,
                                  const Parameters& parameters,
                                  const double* values,
                                  const std::vector<int32_t>& token,
                                  const Intervention<double>* change) {
  return Model(config, parameters, values, change).Forward(token);
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
