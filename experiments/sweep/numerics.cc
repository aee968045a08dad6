#include "experiments/sweep/numerics.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/fingerprint.h"
#include "experiments/run/thread_team.h"

namespace polarize {
namespace {

constexpr char kFloat32[] = "\"FP32\"";
constexpr char kAdamW[] = "\"adamw\"";

// The paper's, in the order in which they go into the hash.
constexpr const char* kKindsInAnyCase[] = {
    "\"softmax\"",
    "\"uniform\"",
    "\"sigmoid_norm\"",
    "\"sigmoid_unnorm\"",
    "\"linear\"",
    "\"linear_unnorm\"",
    "\"coupled_linear_norm\"",
    "\"coupled_linear_unnorm\"",
    "\"raw_dotproduct_norm\"",
    "\"raw_dotproduct_unnorm\"",
    "\"mlp_norm\"",
    "\"mlp_unnorm\"",
};

// Those and the named ones, each once.
std::vector<std::string> KindsToTry(const std::set<std::string>& named) {
  std::vector<std::string> kinds(std::begin(kKindsInAnyCase),
                                 std::end(kKindsInAnyCase));
  for (const std::string& kind : named) {
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
      kinds.push_back(kind);
    }
  }
  return kinds;
}

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

absl::Status AddRun(Section& section, bool sharing,
                    const std::vector<std::string>& settings, ThreadTeam& team,
                    Fingerprint* hash) {
  std::vector<std::string> all = {"task.num_train=40", "task.num_eval=1",
                                  "training.batch_size=24",
                                  "statistics.map_samples=0"};
  all.insert(all.end(), settings.begin(), settings.end());
  const absl::StatusOr<std::unique_ptr<google::protobuf::Message>> config =
      section.Load({"the numerics' probe", ""}, all);
  if (!config.ok()) return config.status();
  AddTraining(*section.Make(**config, sharing, team), hash);
  return absl::OkStatus();
}

absl::Status AddKinds(Section& section, bool sharing,
                      const std::string& precision,
                      const std::vector<std::string>& kinds, ThreadTeam& team,
                      Fingerprint* hash) {
  for (const std::string& kind : kinds) {
    const absl::Status added =
        AddRun(section, sharing,
               {absl::StrCat("model.attention_type=", kind),
                absl::StrCat("model.precision=", precision)},
               team, hash);
    if (!added.ok()) return added;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> NumericsFingerprint(
    Section& section, bool sharing, const std::set<std::string>& precisions,
    const std::set<std::string>& attention_types,
    const std::set<std::string>& optimizers) {
  const absl::StatusOr<std::unique_ptr<ThreadTeam>> team =
      ThreadTeam::Create(1);
  if (!team.ok()) return team.status();
  Fingerprint hash;
  const std::vector<std::string> kinds = KindsToTry(attention_types);
  absl::Status status =
      AddKinds(section, sharing, kFloat32, kinds, **team, &hash);
  for (const std::string& precision : precisions) {
    if (!status.ok()) return status;
    if (precision == kFloat32) continue;
    status = AddKinds(section, sharing, precision, kinds, **team, &hash);
  }
  for (const std::string& optimizer : optimizers) {
    if (!status.ok()) return status;
    if (optimizer == kAdamW) continue;
    status =
        AddRun(section, sharing,
               {absl::StrCat("training.optimizer=", optimizer)}, **team, &hash);
  }
  if (!status.ok()) return status;
  return hash.Text();
}

}  // namespace polarize
