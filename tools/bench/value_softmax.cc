// Steps of the descents of section 3 on demand, for value_softmax_vs_numpy.py:
// prints "ready" and the instruction set, then for every line "run N" on stdin
// takes N steps and prints the seconds of CPU time that they took. A descent
// that came to its family's number of steps begins again. With --seconds, or
// without --case: prints the nanoseconds of a step of every case, or of --case,
// and ends.
#include "kernels/value_softmax/value_softmax.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/types/span.h"
#include "experiments/value_softmax/config.h"
#include "experiments/value_softmax/families.h"
#include "experiments/value_softmax/fixed_descents.h"
#include "experiments/value_softmax/problem.h"
#include "kernels/base/isa.h"

ABSL_FLAG(std::string, case, "",
          "a run of a family, as FAMILY or FAMILY/VARIANT: logistic, "
          "normalisations_square/softmax, tied/100, condition_numbers/1, kl");
ABSL_FLAG(double, seconds, 0, "time each case for so long or more, and end");
ABSL_FLAG(bool, fixed, true, "use descents compiled for their sizes");

namespace {

using polarize::FixedDescent;
using polarize::FixedDescents;

constexpr const char* kCases[] = {
    "logistic",
    "normalisations_square/softmax",
    "normalisations_logistic/softmax",
    "tied/10",
    "tied/20",
    "tied/50",
    "tied/100",
    "condition_numbers/1",
    "kl",
};

// A descent of a family's config.
class Case {
 public:
  static absl::StatusOr<Case> Create(const std::string& name);

  double Seconds(size_t steps);
  double NanosecondsPerStep(double seconds);

 private:
  explicit Case(const polarize::ValueSoftmaxConfig& config)
      : problem_(std::make_unique<polarize::Problem>(config)),
        steps_(static_cast<size_t>(config.descent().steps())),
        start_(problem_->model().point,
               problem_->model().point + problem_->model().point_size()),
        rates_(RatesOf(config.descent())),
        descend_(DescentFor(problem_->model().form,
                            absl::GetFlag(FLAGS_fixed)
                                ? FixedDescents()
                                : absl::Span<const FixedDescent>())
                     .descend) {}

  // How many of `steps` were taken.
  size_t Take(size_t steps);

  std::unique_ptr<polarize::Problem> problem_;
  size_t steps_;  // of the whole descent
  std::vector<double> start_;
  polarize::ValueSoftmaxRates rates_;
  decltype(FixedDescent::descend) descend_;
};

absl::StatusOr<Case> Case::Create(const std::string& name) {
  const size_t slash = name.find('/');
  const std::string variant =
      slash == std::string::npos ? "" : name.substr(slash + 1);
  const polarize::Family* const family =
      polarize::FindFamily(name.substr(0, slash));
  if (family == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("no family of ", name));
  }
  const absl::StatusOr<polarize::ValueSoftmaxConfig> config =
      polarize::LoadValueSoftmaxConfig(family->text, {});
  if (!config.ok()) return config.status();
  for (const polarize::Variant& one : polarize::Variants(*config)) {
    if (one.label == variant) return Case(one.config);
  }
  return absl::InvalidArgumentError(absl::StrCat("no variant of ", name));
}

size_t Case::Take(size_t steps) {
  polarize::ValueSoftmax& model = problem_->model();
  size_t taken = 0;
  while (taken < steps) {
    if (model.step >= steps_) {
      std::copy(start_.begin(), start_.end(), model.point);
      model.step = 0;
    }
    const size_t wanted =
        std::min(steps - taken, steps_ - static_cast<size_t>(model.step));
    const size_t now = descend_(model, rates_, wanted);
    taken += now;
    if (now < wanted) break;
  }
  return taken;
}

double Case::Seconds(size_t steps) {
  const std::clock_t start = std::clock();
  const size_t taken = Take(steps);
  const std::clock_t time = std::clock() - start;
  // A descent that ended early says so by a time that nobody takes for one.
  return taken == steps ? static_cast<double>(time) / CLOCKS_PER_SEC : -1;
}

double Case::NanosecondsPerStep(double seconds) {
  size_t steps = 1000;
  double taken = Seconds(steps);
  while (taken >= 0 && taken < seconds) {
    steps *= 2;
    taken = Seconds(steps);
  }
  return 1e9 * taken / static_cast<double>(steps);
}

int Fail(const absl::Status& status) {
  std::cerr << status.message() << "\n";
  return 1;
}

int Table(const std::vector<std::string>& names, double seconds) {
  for (const std::string& name : names) {
    absl::StatusOr<Case> one = Case::Create(name);
    if (!one.ok()) return Fail(one.status());
    absl::PrintF("%-32s %8.1f ns\n", name, one->NanosecondsPerStep(seconds));
  }
  return 0;
}

int Serve(const std::string& name) {
  absl::StatusOr<Case> one = Case::Create(name);
  if (!one.ok()) return Fail(one.status());
  std::cout << "ready " << polarize::ChosenTargetName() << std::endl;
  std::string word;
  size_t steps;
  while (std::cin >> word >> steps && word == "run") {
    std::cout << absl::StrFormat("%.9f", one->Seconds(steps)) << std::endl;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const std::string name = absl::GetFlag(FLAGS_case);
  const double seconds = absl::GetFlag(FLAGS_seconds);
  if (seconds <= 0 && !name.empty()) return Serve(name);
  std::vector<std::string> names(std::begin(kCases), std::end(kCases));
  if (!name.empty()) names = {name};
  return Table(names, seconds > 0 ? seconds : 0.5);
}
