#include "experiments/sweep/section.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "experiments/classification/config.h"
#include "experiments/classification/run.h"
#include "experiments/induction/config.h"
#include "experiments/induction/run.h"
#include "experiments/model/model_setup.h"

namespace polarize {
namespace {

using ::google::protobuf::Message;

constexpr std::string_view kInduction = "induction";
constexpr std::string_view kClassification = "classification";

template <typename Config, typename Load>
absl::StatusOr<std::unique_ptr<Message>> LoadAs(
    Load load, const ConfigText& text, absl::Span<const std::string> settings) {
  absl::StatusOr<Config> config = load(text, settings, AttentionTypes());
  if (!config.ok()) return config.status();
  return std::unique_ptr<Message>(std::make_unique<Config>(*std::move(config)));
}

class InductionSection : public Section {
 public:
  std::string_view name() const override { return kInduction; }
  absl::StatusOr<std::unique_ptr<Message>> Load(
      const ConfigText& text,
      absl::Span<const std::string> settings) const override {
    return LoadAs<InductionConfig>(LoadInductionConfig, text, settings);
  }
  void Prepare(const Message& config) override { DataOf(Cast(config)); }
  std::unique_ptr<Experiment> Make(const Message& config, bool sharing,
                                   ParallelFor& parallel) override {
    const InductionConfig& induction = Cast(config);
    return MakeInductionExperiment(induction, sharing, DataOf(induction),
                                   parallel);
  }

 private:
  struct Made {
    std::string key;
    std::shared_ptr<const InductionData> data;
  };
  // Data sets of some megabytes: two runs side by side rarely differ in more.
  static constexpr size_t kMostKept = 4;

  static const InductionConfig& Cast(const Message& config) {
    return static_cast<const InductionConfig&>(config);
  }

  std::shared_ptr<const InductionData> DataOf(const InductionConfig& config) {
    InductionConfig relevant;
    relevant.set_seed(config.seed());
    *relevant.mutable_task() = config.task();
    std::string key = relevant.SerializeAsString();
    const auto found =
        std::find_if(kept_.begin(), kept_.end(),
                     [&](const Made& made) { return made.key == key; });
    if (found != kept_.end()) return found->data;
    if (kept_.size() == kMostKept) kept_.pop_front();
    kept_.push_back({std::move(key), MakeInductionData(config)});
    return kept_.back().data;
  }

  std::deque<Made> kept_;
};

class ClassificationSection : public Section {
 public:
  std::string_view name() const override { return kClassification; }
  absl::StatusOr<std::unique_ptr<Message>> Load(
      const ConfigText& text,
      absl::Span<const std::string> settings) const override {
    return LoadAs<ClassificationConfig>(LoadClassificationConfig, text,
                                        settings);
  }
  // The data come from the stream that drew the weights: each model's are its
  // own.
  void Prepare(const Message&) override {}
  std::unique_ptr<Experiment> Make(const Message& config, bool sharing,
                                   ParallelFor& parallel) override {
    return MakeClassificationExperiment(
        static_cast<const ClassificationConfig&>(config), sharing, parallel);
  }
};

}  // namespace

absl::StatusOr<int> Section::Run(const Message& config, const RunFlags& flags,
                                 int argc, const char* const* argv) {
  return RunTraining(config, flags, argc, argv, [&](ParallelFor& parallel) {
    return Make(config, flags.sharing, parallel);
  });
}

std::unique_ptr<Section> MakeSection(std::string_view name) {
  if (name == kInduction) return std::make_unique<InductionSection>();
  if (name == kClassification) return std::make_unique<ClassificationSection>();
  return nullptr;
}

absl::Span<const std::string_view> SectionNames() {
  static constexpr std::string_view kNames[] = {kInduction, kClassification};
  return kNames;
}

}  // namespace polarize
