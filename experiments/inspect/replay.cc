#include "experiments/inspect/replay.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/inspect/repeater.h"
#include "experiments/inspect/values.h"
#include "experiments/run/safetensors.h"

namespace polarize {
namespace {

using Tensor = Repeater::Tensor;
using TensorValues = absl::Span<const float> (Repeater::*)(const Tensor&) const;

std::string NameAndShape(const Tensor& tensor) {
  return absl::StrCat(tensor.name, " ", ShapeText(tensor.shape));
}

absl::Status CheckSameTensors(const Repeater& a, const Repeater& b) {
  const size_t n = std::max(a.tensors().size(), b.tensors().size());
  for (size_t i = 0; i < n; ++i) {
    const auto text = [i](const Repeater& repeater) {
      return i < repeater.tensors().size() ? NameAndShape(repeater.tensors()[i])
                                           : std::string("nothing");
    };
    if (text(a) == text(b)) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "the models are not of one architecture: where A has ", text(a),
        ", B has ", text(b), "; their steps cannot be compared"));
  }
  return absl::OkStatus();
}

// The pair of processes, and what is found.
class Replayer {
 public:
  Replayer(std::unique_ptr<Repeater> a, std::unique_ptr<Repeater> b)
      : a_(std::move(a)), b_(std::move(b)) {}

  absl::StatusOr<ReplayResult> Go(const RecordedRun& run_a,
                                  const RecordedRun& run_b,
                                  const ReplayOptions& options);

 private:
  absl::Status Next();
  void CompareStep(uint64_t step);
  // True if some tensor differs.
  bool CompareAll(ReplayStage stage, uint64_t step, TensorValues values);
  static void CheckOwn(const std::map<uint64_t, double>& recorded,
                       uint64_t step, double loss, ReplayResult::Own* own);

  const std::unique_ptr<Repeater> a_, b_;
  ReplayResult result_;
};

absl::Status Replayer::Next() {
  absl::Status status = a_->Ask();
  if (status.ok()) status = b_->Ask();
  if (status.ok()) status = a_->Take();
  if (status.ok()) status = b_->Take();
  return status;
}

bool Replayer::CompareAll(ReplayStage stage, uint64_t step,
                          TensorValues values) {
  ReplayDifference found;
  found.stage = stage;
  found.step = step;
  found.loss_a = a_->loss();
  found.loss_b = b_->loss();
  found.tensors = a_->tensors().size();
  for (size_t i = 0; i < a_->tensors().size(); ++i) {
    const Tensor& tensor = a_->tensors()[i];
    const absl::Span<const float> of_a = ((*a_).*values)(tensor);
    const absl::Span<const float> of_b = ((*b_).*values)(b_->tensors()[i]);
    const TensorComparison compared = CompareTensors(of_a, of_b);
    if (compared.different == 0) continue;
    if (found.different++ > 0) continue;
    const size_t at = compared.first;
    found.element =
        ElementDifference{tensor.name, tensor.shape, at, of_a[at], of_b[at]};
  }
  if (found.different == 0) return false;
  result_.difference = std::move(found);
  return true;
}

void Replayer::CompareStep(uint64_t step) {
  if (!SameBits(a_->loss(), b_->loss())) {
    ReplayDifference found;
    found.stage = ReplayStage::kLoss;
    found.step = step;
    found.loss_a = a_->loss();
    found.loss_b = b_->loss();
    result_.difference = found;
    return;
  }
  if (CompareAll(ReplayStage::kGradient, step, &Repeater::Gradient)) return;
  CompareAll(ReplayStage::kParameter, step, &Repeater::Parameter);
}

void Replayer::CheckOwn(const std::map<uint64_t, double>& recorded,
                        uint64_t step, double loss, ReplayResult::Own* own) {
  const auto found = recorded.find(step);
  if (found == recorded.end()) return;
  ++own->checked;
  if (own->first || SameBits(found->second, loss)) return;
  own->first = OwnDifference{step, found->second, loss};
}

absl::StatusOr<ReplayResult> Replayer::Go(const RecordedRun& run_a,
                                          const RecordedRun& run_b,
                                          const ReplayOptions& options) {
  const std::map<uint64_t, double> losses_a = StepLosses(run_a),
                                   losses_b = StepLosses(run_b);
  uint64_t steps = std::min(a_->steps(), b_->steps());
  if (options.most_steps > 0) steps = std::min(steps, options.most_steps);
  absl::Status status = Next();
  if (!status.ok()) return status;
  CompareAll(ReplayStage::kInitial, 0, &Repeater::Parameter);
  for (uint64_t step = 1; !result_.difference && step <= steps; ++step) {
    status = Next();
    if (!status.ok()) return status;
    CompareStep(step);
    CheckOwn(losses_a, step, a_->loss(), &result_.own_a);
    CheckOwn(losses_b, step, b_->loss(), &result_.own_b);
    result_.steps = step;
    if (!result_.difference && options.progress) options.progress(step, steps);
    if (!std::isfinite(a_->loss()) || !std::isfinite(b_->loss())) {
      result_.diverged = !result_.difference;
      break;
    }
  }
  return result_;
}

}  // namespace

std::map<uint64_t, double> StepLosses(const RecordedRun& run) {
  std::map<uint64_t, double> losses;
  if (!run.metrics) return losses;
  for (const Metric& metric : run.metrics->metrics) {
    const double* const loss = std::get_if<double>(&metric.value);
    if (loss != nullptr && metric.name == "train/step_loss") {
      losses[static_cast<uint64_t>(metric.step)] = *loss;
    }
  }
  return losses;
}

std::string DifferenceText(const ReplayDifference& difference) {
  const std::string step = absl::StrCat("step ", difference.step, ", ");
  const std::string others =
      absl::StrCat(" (", difference.different, " of ", difference.tensors,
                   " tensors differ here)");
  switch (difference.stage) {
    case ReplayStage::kInitial:
      return absl::StrCat(step, "initial weights: ",
                          DifferenceText(*difference.element), others);
    case ReplayStage::kLoss:
      return absl::StrCat(
          step, "the loss before any gradient: ",
          PairText(difference.loss_a, difference.loss_b),
          difference.step == 1
              ? "; the initial weights are equal: data or forward pass differ"
              : "; all weights were equal after the step before: data or "
                "forward pass differ");
    case ReplayStage::kGradient:
      return absl::StrCat(step, "gradient of ",
                          DifferenceText(*difference.element), others,
                          "; the losses are equal");
    case ReplayStage::kParameter:
      break;
  }
  return absl::StrCat(step, "updated ", DifferenceText(*difference.element),
                      others, "; loss and gradients are equal");
}

absl::StatusOr<ReplayResult> Replay(const RecordedRun& a, const Repetition& as,
                                    const RecordedRun& b, const Repetition& bs,
                                    const ReplayOptions& options) {
  if (a.section->name() != b.section->name()) {
    return absl::FailedPreconditionError(
        absl::StrCat("A is a run of ", a.section->name(), ", B of ",
                     b.section->name(), ": their steps cannot be compared"));
  }
  absl::StatusOr<std::unique_ptr<Repeater>> repeater_a =
      Repeater::Start("A", a, as, options.threads);
  if (!repeater_a.ok()) return repeater_a.status();
  absl::StatusOr<std::unique_ptr<Repeater>> repeater_b =
      Repeater::Start("B", b, bs, options.threads);
  if (!repeater_b.ok()) return repeater_b.status();
  const absl::Status same = CheckSameTensors(**repeater_a, **repeater_b);
  if (!same.ok()) return same;
  return Replayer(*std::move(repeater_a), *std::move(repeater_b))
      .Go(a, b, options);
}

}  // namespace polarize
