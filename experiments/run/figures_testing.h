// What tests of figures need: a run's folder, and what was drawn there.
#ifndef POLARIZE_EXPERIMENTS_RUN_FIGURES_TESTING_H_
#define POLARIZE_EXPERIMENTS_RUN_FIGURES_TESTING_H_

#include <string>

#include "absl/status/status.h"
#include "experiments/run/figures.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/gnuplot.h"
#include "gtest/gtest.h"

namespace polarize {

class FiguresFixture : public ::testing::Test {
 protected:
  FiguresFixture() : figures_(*Figures::Create(folder_.path())) {}

  std::string Read(const std::string& name) const {
    return ReadFile(folder_.path() + "/figures/" + name, 1 << 22)
        .value_or("(none)");
  }

  // Whether this machine has gnuplot; tests of its pictures say if it has not.
  bool HasGnuplot() const {
    return !absl::IsNotFound(RunGnuplot(folder_.path(), "no_such_script"));
  }

  template <typename Figure>
  std::string Complaint(const Figure& figure) {
    return std::string(figures_.Draw(figure).message());
  }

  TestFolder folder_;
  Figures figures_;
};

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_FIGURES_TESTING_H_
