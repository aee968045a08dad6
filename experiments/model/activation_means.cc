#include "experiments/model/activation_means.h"

#include "hwy/base.h"

namespace polarize {
namespace {

template <typename T>
void AddRow(const T* row, size_t columns, double* sum) {
  for (size_t c = 0; c < columns; ++c) sum[c] += static_cast<double>(row[c]);
}

template <typename T>
std::vector<T> Means(const std::vector<double>& sums, size_t rows) {
  std::vector<T> means;
  for (const double sum : sums) {
    means.push_back(static_cast<T>(sum / static_cast<double>(rows)));
  }
  return means;
}

}  // namespace

template <typename T>
ActivationMeans<T>::ActivationMeans(const ModelConfig& config)
    : config_(config),
      token_sum_(config.token_width()),
      value_sum_(config.layers * config.width),
      attended_sum_(config.layers * config.width) {}

template <typename T>
void ActivationMeans<T>::Add(const Transformer<T>& model, const RowPlan& plan) {
  const size_t rows = plan.token.size(), width = config_.width;
  for (const LayerPlan& layer : plan.layers) {
    if (layer.rows_in != rows || layer.rows_out != rows) {
      HWY_ABORT("means: a layer of %zu and %zu rows, not %zu", layer.rows_in,
                layer.rows_out, rows);
    }
  }
  const size_t token_width = config_.token_width();
  const T* const table = model.values() + model.parameters().token_table;
  for (size_t r = 0; r < rows; ++r) {
    AddRow(table + static_cast<size_t>(plan.token[r]) * token_width,
           token_width, token_sum_.data());
  }
  for (size_t l = 0; l < config_.layers; ++l) {
    for (size_t r = 0; r < rows; ++r) {
      AddRow(model.value_rows(l) + r * width, width, &value_sum_[l * width]);
      AddRow(model.attended_rows(l) + r * width, width,
             &attended_sum_[l * width]);
    }
  }
  rows_ += rows;
}

template <typename T>
void ActivationMeans<T>::Finish() {
  token_ = Means<T>(token_sum_, rows_);
  value_ = Means<T>(value_sum_, rows_);
  attended_ = Means<T>(attended_sum_, rows_);
}

template <typename T>
const T* ActivationMeans<T>::Of(InterventionSite site, size_t layer,
                                size_t head) const {
  const size_t at = layer * config_.width;
  switch (site) {
    case InterventionSite::kToken:
      return token_.data();
    case InterventionSite::kFirstValue:
      return &value_[at];
    case InterventionSite::kHead:
      break;
  }
  return &attended_[at + head * config_.head_width()];
}

template class ActivationMeans<float>;
template class ActivationMeans<double>;

}  // namespace polarize
