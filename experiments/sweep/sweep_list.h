// The runs of a sweep, in their order.
#ifndef POLARIZE_EXPERIMENTS_SWEEP_SWEEP_LIST_H_
#define POLARIZE_EXPERIMENTS_SWEEP_SWEEP_LIST_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/run/config_text.h"
#include "experiments/sweep/section.h"
#include "google/protobuf/message.h"
#include "protos/sweep.pb.h"

namespace polarize {

struct SweepRun {
  // 16 hexadecimal digits: a hash of the experiment's name and of the fields,
  // `name` aside, that differ from their defaults. A field that a later version
  // adds changes no id.
  std::string id;
  // Those fields, "path=value path=value", in the schema's order.
  std::string settings;
  std::shared_ptr<const google::protobuf::Message> config;
};

struct SweepList {
  SweepConfig config;  // complete
  std::unique_ptr<Section> section;
  std::vector<SweepRun> runs;
};

// All runs of the sweep that `text` describes; `settings`, each "PATH=VALUE",
// set a field of every run. Errors name file, line, field and rule: fields and
// values that do not exist, runs that break a rule of their experiment, two
// cells that are the same run.
absl::StatusOr<SweepList> LoadSweep(const ConfigText& text,
                                    absl::Span<const std::string> settings);

// The runs that `filter` names, in their order: "PATH=VALUE,PATH=VALUE", where
// a value may be a choice of several, "lr=1e-2|1e-3", and the end of a path is
// enough. A value that no run has is an error: it was mistyped.
absl::StatusOr<std::vector<SweepRun>> FilterRuns(const SweepList& list,
                                                 absl::string_view filter);

// A part of a list, from "--shard=2/3": the runs 1, 4, 7 ... (from 0).
struct Shard {
  size_t index = 1, count = 1;
};
absl::StatusOr<Shard> ParseShard(absl::string_view text);
std::vector<SweepRun> ShardOf(const std::vector<SweepRun>& runs, Shard shard);

// runs.tsv: a line "id<TAB>settings" per run.
std::string RunsTable(const std::vector<SweepRun>& runs);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_SWEEP_SWEEP_LIST_H_
