#include "experiments/sweep/numerics.h"

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/model/model_setup.h"
#include "experiments/run/thread_team.h"
#include "experiments/sweep/fingerprint.h"

namespace polarize {
namespace {

constexpr char kFloat32[] = "\"FP32\"";

template <typename T>
absl::string_view Bytes(const T* values, size_t n) {
  return {reinterpret_cast<const char*>(values), n * sizeof(T)};
}

// Two batches, the second one short.
void AddTraining(Experiment& experiment, Fingerprint* hash) {
  experiment.StartEpoch();
  for (size_t i = 0; i < experiment.steps_per_epoch(); ++i) {
    const double loss = experiment.Step();
    hash->Add(Bytes(&loss, 1));
  }
  Transformer<float>& model = experiment.model();
  hash->Add(Bytes(model.values(), model.parameters().array_size()));
}

absl::Status AddKinds(Section& section, bool sharing,
                      const std::string& precision, ThreadTeam& team,
                      Fingerprint* hash) {
  for (const std::string_view kind : AttentionTypes()) {
    absl::StatusOr<std::unique_ptr<google::protobuf::Message>> config =
        section.Load({"the numerics' probe", ""},
                     {absl::StrCat("model.attention_type=", kind),
                      "task.num_train=40", "task.num_eval=1",
                      "training.batch_size=24", "statistics.map_samples=0",
                      absl::StrCat("model.precision=", precision)});
    if (!config.ok()) return config.status();
    AddTraining(*section.Make(**config, sharing, team), hash);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> NumericsFingerprint(
    Section& section, bool sharing, const std::set<std::string>& precisions) {
  const absl::StatusOr<std::unique_ptr<ThreadTeam>> team =
      ThreadTeam::Create(1);
  if (!team.ok()) return team.status();
  Fingerprint hash;
  absl::Status status = AddKinds(section, sharing, kFloat32, **team, &hash);
  for (const std::string& precision : precisions) {
    if (!status.ok()) return status;
    if (precision == kFloat32) continue;
    status = AddKinds(section, sharing, precision, **team, &hash);
  }
  if (!status.ok()) return status;
  return hash.Text();
}

}  // namespace polarize
