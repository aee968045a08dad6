// What a report is made of: files that may or may not be there.
#ifndef POLARIZE_TOOLS_REPORT_INPUTS_H_
#define POLARIZE_TOOLS_REPORT_INPUTS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "experiments/run/csv.h"
#include "tools/sweeps/run_table.h"

namespace polarize {

// Of one sweep. Paths of files and folders; empty: none.
struct SweepInputs {
  std::string csv;     // what `collect` writes: a row per run
  std::string times;   // id, seconds, start_time, cpu, simd_target, commit
  std::string folder;  // of the sweep, with runs.tsv and numerics.textproto
};

struct ReportInputs {
  SweepInputs induction;
  SweepInputs classification;
  // Folder of NAME.svg, named as in the reference.
  std::string pictures;
  // Of section 3: a folder FAMILY for each family, with claims.jsonl,
  // environment.textproto and pictures (in it, or in its folder figures/).
  std::string value_softmax;
  // Of the 7B models, a row per head: model ("softmax" or "sigmoid"), layer,
  // head, score.
  std::string pretrained_csv;
};

// A line of a family's claims.jsonl.
struct SectionThreeLine {
  std::string family, run, claim, predicted, measured, verdict;
};

// A run as runs.tsv lists it.
struct PlannedRun {
  std::string id;
  RunFilter values;  // by column: the last component of a field's path
};

struct SweepData {
  absl::optional<RunTable> runs;
  absl::optional<RunTable> times;
  std::vector<PlannedRun> planned;  // empty: no list
  std::string numerics;             // numerics.textproto
};

struct ReportData {
  ReportInputs inputs;
  SweepData induction;
  SweepData classification;
  std::vector<SectionThreeLine> section_three;
  // Of section 3's runs, each different one once: "commit ..., CPU, SIMD".
  std::vector<std::string> section_three_machines;
  absl::optional<RunTable> pretrained;
  // A line for each input that was named but is not there.
  std::vector<std::string> missing;
};

// Reads what there is. What is not there is left out; what is there and cannot
// be read, or is not what it should be, is an error that names the file.
absl::StatusOr<ReportData> LoadReportData(const ReportInputs& inputs);

// The bytes of a picture; "" if there is none. NAME is looked for in the folder
// of pictures and then in those of section 3's families; FAMILY/NAME in that
// family's only.
std::string FindPicture(const ReportInputs& inputs, const std::string& name);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_INPUTS_H_
