#include "tools/demo/flow_part.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "experiments/run/build_commit.h"
#include "experiments/value_softmax/config.h"
#include "experiments/value_softmax/families.h"
#include "experiments/value_softmax/family_run.h"
#include "tools/demo/words.h"

namespace polarize {
namespace {

constexpr char kFamily[] = "logistic";
constexpr size_t kWidth = 80;
// Longer ones have a line of their own.
constexpr size_t kWidestClaim = 40;

// The flow alone: the family's descents take the same way in steps.
absl::StatusOr<ValueSoftmaxConfig> FlowConfigOf() {
  return LoadValueSoftmaxConfig(
      FindFamily(kFamily)->text,
      {"descent.steps=0", "descent.compare_lr=", "figure=none"});
}

absl::StatusOr<RunFolder> OpenFolder(const RunFolderOptions& options,
                                     uint64_t seed, int argc,
                                     const char* const* argv) {
  absl::StatusOr<RunFolder> folder = RunFolder::Create(options);
  if (!folder.ok()) return folder;
  Environment environment = DescribeEnvironment(options.start, argc, argv);
  environment.set_commit(BuildCommit());
  environment.set_threads(1);
  environment.set_seed(seed);
  const absl::Status status = folder->WriteEnvironment(environment);
  if (!status.ok()) return status;
  return folder;
}

FlowPart::End EndAt(const History& history, size_t row) {
  return {history.times()[row], history.Number("loss", row),
          history.Number("entropy", row), LargestWeight(history, row)};
}

TerminalMap MapOf(const History& history) {
  std::vector<std::vector<double>> weights;
  for (size_t row = 0; row < history.rows(); ++row) {
    const absl::Span<const double> s = history.At("s", row);
    weights.emplace_back(s.begin(), s.end());
  }
  std::vector<std::string> labels;
  // Entries count from 1, as they do in claims and pictures.
  for (size_t k = 1; k <= weights.back().size(); ++k) {
    labels.push_back(absl::StrCat("s", k));
  }
  const std::vector<double>& times = history.times();
  TerminalMap map = MapOverTime(std::move(labels), times, weights, kWidth);
  map.title = "The weights s over time, on a logarithmic axis";
  map.full = 1;
  map.left = absl::StrFormat("t = %.3g", times[times[0] > 0 ? 0 : 1]);
  map.right = absl::StrFormat("t = %.3g", times.back());
  return map;
}

}  // namespace

bool FlowPart::claims_fail() const {
  return std::any_of(claims.begin(), claims.end(), [](const Claim& claim) {
    return claim.verdict == Claim::kFails;
  });
}

absl::StatusOr<FlowPart> RunFlowPart(const RunFolderOptions& options, int argc,
                                     const char* const* argv) {
  absl::StatusOr<ValueSoftmaxConfig> config = FlowConfigOf();
  if (!config.ok()) return config.status();
  const absl::StatusOr<RunFolder> folder = OpenFolder(
      options, static_cast<uint64_t>(config->init().seed()), argc, argv);
  if (!folder.ok()) return folder.status();

  FamilyRun family(kFamily, *std::move(config));
  RunProgress progress;
  for (const RunTask& task : family.Tasks()) task.run(progress);
  const absl::Status written =
      family.Write(*folder, absl::ToDoubleSeconds(absl::Now() - options.start));
  if (!written.ok()) return written;
  if (family.failed()) {
    return absl::FailedPreconditionError(
        absl::StrCat(kFamily, " ", family.state(), ": ", family.reason()));
  }

  const History& history = *family.runs()[0].history;
  const size_t last = history.rows() - 1;
  const absl::Span<const double> s = history.At("s", last);
  FlowPart flow;
  flow.folder = folder->path();
  flow.claims = family.claims();
  flow.weights = s.size();
  flow.start = EndAt(history, 0);
  flow.end = EndAt(history, last);
  flow.winner =
      static_cast<size_t>(std::max_element(s.begin(), s.end()) - s.begin());
  flow.map = MapOf(history);
  flow.notice = family.notice();
  return flow;
}

std::string FlowSummary(const FlowPart& flow) {
  return absl::StrFormat(
      "The %d weights begin equal, with entropy %.3f (ln %d is %.3f). At t = "
      "%.3g entry %d has %.4f of it all, and the entropy is %.2g. The loss "
      "falls from %.3f to %.2g.",
      flow.weights, flow.start.entropy, flow.weights,
      std::log(static_cast<double>(flow.weights)), flow.end.time,
      flow.winner + 1, flow.end.largest, flow.end.entropy, flow.start.loss,
      flow.end.loss);
}

std::string ShortClaims(absl::Span<const Claim> claims) {
  size_t width = 0;
  for (const Claim& claim : claims) {
    if (claim.claim.size() <= kWidestClaim) {
      width = std::max(width, claim.claim.size());
    }
  }
  std::string text;
  for (const Claim& claim : claims) {
    const std::string left =
        absl::StrFormat("%-5s  %s", VerdictName(claim.verdict), claim.claim);
    absl::StrAppend(&text, TwoColumns(left, claim.measured, width + 9, kWidth));
  }
  return text;
}

}  // namespace polarize
