#include "experiments/value_softmax/steps_progress.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/progress.h"

namespace polarize {
namespace {

constexpr double kMillion = 1e6;

std::string Count(double count, bool millions) {
  return millions ? absl::StrFormat("%.1f", count / kMillion)
                  : absl::StrFormat("%.0f", count);
}

}  // namespace

std::string StepsProgress(int64_t done, int64_t total, int64_t evaluations,
                          absl::Duration elapsed) {
  std::string line;
  if (total > 0) {
    const auto taken = static_cast<double>(done);
    const auto all = static_cast<double>(total);
    const bool millions = all >= kMillion;
    const char* const steps = millions ? " million steps" : " steps";
    const double seconds = absl::ToDoubleSeconds(elapsed);
    absl::StrAppend(&line, Count(taken, millions), " of ", Count(all, millions),
                    steps);
    if (seconds > 0) {
      absl::StrAppend(&line, "  ", Count(taken / seconds, millions), steps,
                      "/s");
    }
    if (elapsed >= absl::Seconds(1) && taken >= 0.02 * all && done < total) {
      absl::StrAppend(&line, "  left ",
                      FormatTime(TimeLeft(done, total, elapsed)));
    }
  }
  if (evaluations > 0) {
    absl::StrAppend(&line, line.empty() ? "" : "  ", "flows: ", evaluations,
                    " evaluations");
  }
  return line;
}

}  // namespace polarize
