// A quantity over runs: where it lies and how far it spreads.
#ifndef POLARIZE_TOOLS_REPORT_SPREAD_H_
#define POLARIZE_TOOLS_REPORT_SPREAD_H_

#include <cstddef>
#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace polarize {

// Fewer runs than this say nothing: a verdict needs as many of each group that
// it compares.
constexpr size_t kFewestRuns = 3;

class Spread {
 public:
  void Add(double value, absl::string_view seed);

  size_t runs() const { return runs_; }
  size_t seeds() const { return seeds_.size(); }
  bool enough() const { return runs_ >= kFewestRuns; }
  // Of no run: 0.
  double mean() const { return runs_ > 0 ? sum_ / runs_ : 0; }
  double least() const { return least_; }
  double greatest() const { return greatest_; }

 private:
  size_t runs_ = 0;
  double sum_ = 0, least_ = 0, greatest_ = 0;
  std::set<std::string> seeds_;
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_SPREAD_H_
