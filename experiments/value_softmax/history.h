// What a descent or a flow leaves: quantities at recorded times.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_HISTORY_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "experiments/value_softmax/problem.h"
#include "hwy/aligned_allocator.h"
#include "protos/value_softmax.pb.h"

namespace polarize {

// The recorded steps of a descent, counted from 0, ascending.
std::vector<int64_t> RecordedSteps(const HistoryConfig& history, int64_t steps);

// Rows of quantities, each with one number or several.
class History {
 public:
  struct Column {
    std::string name;
    size_t width;
    std::vector<double> values;  // row after row
  };

  // No rows; memory for `rows` of them. Columns, one number each but where
  // said:
  //   loss, s (K), a (K), entropy (of |s| / sum |s|, nats),
  //   values_gradient_norm, attention_gradient_norm, output_norm (|beta|),
  //   sink_logit if learned; of logistic and square losses u = V'b (K),
  //   alignment (<b, beta> / |beta|) and response (see value_softmax.h);
  //   of tied models column_norm, of U's column at the largest s;
  //   of a regression singular_values, of V.
  History(const Problem& problem, size_t rows);

  size_t rows() const { return times_.size(); }
  // Steps recorded, counting from 0; -1 for what is before the first step, and
  // in a flow.
  const std::vector<int64_t>& steps() const { return steps_; }
  // After the recorded step: lr * (step + 1). Of a flow, t.
  const std::vector<double>& times() const { return times_; }
  const std::vector<Column>& columns() const { return columns_; }
  bool Has(std::string_view column) const;
  // The column's numbers of one row; it must be there.
  absl::Span<const double> At(std::string_view column, size_t row) const;
  double Number(std::string_view column, size_t row) const {
    return At(column, row)[0];
  }
  // One entry of the column over all rows.
  std::vector<double> Over(std::string_view column, size_t entry = 0) const;

  // A row: what is measured after a step or at a time of a flow. `values` are
  // those of every column in order. A row that holds a number which is not
  // finite is not added, and false returned.
  bool Add(int64_t step, double time, const std::vector<double>& values);
  // Numbers of a row over all columns.
  size_t row_width() const;

 private:
  const Column& Find(std::string_view name) const;

  std::vector<int64_t> steps_;
  std::vector<double> times_;
  std::vector<Column> columns_;
};

// The largest entry of s in a row.
double LargestWeight(const History& history, size_t row);
// The largest difference of s between rows of two histories.
double DistanceOfWeights(const History& x, size_t row, const History& y,
                         size_t other);

// Measures a model's point for a History. Allocates in its constructor alone,
// but for singular values.
class Recorder {
 public:
  explicit Recorder(Problem& problem);

  // Of the last gradient: its norms. attention: a as it was there.
  void MeasureGradient(absl::Span<const double> attention);
  // Of the model where it is: loss, s and beta. Overwrites what the last
  // gradient left in the model.
  void MeasureWeights();
  // A row of everything measured, and of a and V where the model is now.
  bool AddTo(History& history, int64_t step, double time);

 private:
  Problem& problem_;
  hwy::AlignedFreeUniquePtr<double[]> gradient_;  // scratch
  double values_gradient_norm_ = 0, attention_gradient_norm_ = 0;
  double loss_ = 0, output_norm_ = 0, alignment_ = 0;
  std::vector<double> weights_;
  std::vector<double> row_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_HISTORY_H_
