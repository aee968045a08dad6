// The experiments that a sweep can run, behind one face.
#ifndef POLARIZE_EXPERIMENTS_SWEEP_SECTION_H_
#define POLARIZE_EXPERIMENTS_SWEEP_SECTION_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/model/training_run.h"
#include "experiments/run/config_text.h"
#include "experiments/run/flags.h"
#include "google/protobuf/message.h"
#include "kernels/base/parallel_for.h"

namespace polarize {

// Configs are messages of the section's own type, from its Load.
class Section {
 public:
  virtual ~Section() = default;

  virtual std::string_view name() const = 0;

  // A complete and checked config (see LoadConfig).
  virtual absl::StatusOr<std::unique_ptr<google::protobuf::Message>> Load(
      const ConfigText& text, absl::Span<const std::string> settings) const = 0;

  // Makes what runs like this one share, and keeps what was made lately: a
  // process that forks makes it once for all of them.
  virtual void Prepare(const google::protobuf::Message& config) = 0;

  virtual std::unique_ptr<Experiment> Make(
      const google::protobuf::Message& config, bool sharing,
      ParallelFor& parallel) = 0;

  // See RunTraining.
  absl::StatusOr<int> Run(const google::protobuf::Message& config,
                          const RunFlags& flags, int argc,
                          const char* const* argv);
};

// nullptr if there is none of this name.
std::unique_ptr<Section> MakeSection(std::string_view name);

// The names that MakeSection takes.
absl::Span<const std::string_view> SectionNames();

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_SWEEP_SECTION_H_
