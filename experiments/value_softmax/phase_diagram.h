// Where descents end, over two axes of a config.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_PHASE_DIAGRAM_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_PHASE_DIAGRAM_H_

#include <string>
#include <vector>

#include "experiments/run/figures.h"
#include "experiments/value_softmax/config.h"
#include "experiments/value_softmax/descent.h"
#include "protos/value_softmax.pb.h"

namespace polarize {

// What is kept of a run, after its last step; NaN if it did not finish.
struct PhaseCell {
  double entropy;  // of s, nats
  double largest;  // entry of s
  double loss;
  RunEnd end;
};

class PhaseDiagram {
 public:
  // config: with two axes.
  explicit PhaseDiagram(const ValueSoftmaxConfig& config);

  // Of the cells; and what a run needs while it goes on.
  size_t planned_bytes() const { return cells_.size() * sizeof(PhaseCell); }
  size_t bytes_per_run() const;
  size_t size() const { return variants_.size(); }
  const Variant& variant(size_t i) const { return variants_[i]; }
  const PhaseCell& cell(size_t i) const { return cells_[i]; }
  // Runs a cell; different cells may run at the same time.
  void Run(size_t i, RunProgress& progress);

  // A line per cell under a heading; those of cells that did not finish lack
  // numbers.
  std::string Csv() const;
  // Heat maps of entropy and largest entry over the second axis (x) and the
  // first (y), each in rising order.
  std::vector<HeatMap> Maps() const;
  // How many cells ended like this.
  size_t Count(RunEnd::State state) const;

 private:
  const ValueSoftmaxConfig& config_;
  const std::vector<Variant> variants_;
  std::vector<PhaseCell> cells_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_PHASE_DIAGRAM_H_
