// bazel run //tools/study: runs of an induction sweep compared by two fields.
#include <cstdio>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/csv.h"
#include "experiments/run/figures.h"
#include "experiments/run/file.h"
#include "experiments/run/flags.h"
#include "experiments/run/typed_table.h"
#include "experiments/run/user_path.h"
#include "tools/study/study.h"

ABSL_FLAG(std::string, runs, "sweeps/beyond/induction_data.csv",
          "table of the runs");
ABSL_FLAG(std::string, rows, "attention_type", "field of the groups");
ABSL_FLAG(std::string, bars, "optimizer", "field of the bars");

namespace polarize {
namespace {

constexpr char kUsage[] =
    "Compares the runs of an induction sweep by two fields of their configs:\n"
    "accuracy, sink share, row sums and entropy, over what else differs.";

constexpr char kFlags[] =
    R"(  --runs FILE    The sweep's table. Default: sweeps/beyond/induction_data.csv.
  --rows FIELD   A group of bars for each value of it. Default: attention_type.
  --bars FIELD   A bar for each value of it. Default: optimizer.
  --out FOLDER   Where study.csv, study.md and the picture study go. Default: the
                 table's folder.
)";

absl::Status Main(int argc, char** argv) {
  ProgramHelp help;
  help.usage = kUsage;
  help.target = "//tools/study";
  help.examples = {
      "--rows=num_heads --bars=lr --runs=sweeps/a/induction_data.csv"};
  help.own_flags = kFlags;
  help.transformer = false;
  help.single_run = false;
  help.takes_config = false;
  const RunFlags flags = ParseRunFlags(argc, argv, help);
  const std::string path = UserPath(absl::GetFlag(FLAGS_runs));
  absl::StatusOr<TypedTable> table = TypedTable::Read(path);
  if (!table.ok()) return table.status();
  const absl::StatusOr<Study> study =
      CompareRuns(RunTable(*std::move(table)), absl::GetFlag(FLAGS_rows),
                  absl::GetFlag(FLAGS_bars));
  if (!study.ok()) {
    return absl::Status(study.status().code(),
                        absl::StrCat(path, ": ", study.status().message()));
  }
  const std::string out =
      flags.out.empty() ? path.substr(0, path.rfind('/') + 1) + "." : flags.out;
  absl::StatusOr<Figures> figures = Figures::In(out);
  if (!figures.ok()) return figures.status();
  absl::Status status = WriteFileWhole(absl::StrCat(out, "/study.csv"),
                                       CsvText(StudyCsv(*study)));
  if (!status.ok()) return status;
  const std::string text = StudyMarkdown(*study);
  status = WriteFileWhole(absl::StrCat(out, "/study.md"), text);
  if (!status.ok()) return status;
  status = figures->Draw(StudyChart(*study, "study"));
  if (!status.ok()) return status;
  std::fputs(text.c_str(), stdout);
  if (!figures->Notice().empty()) std::puts(figures->Notice().c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) {
  const absl::Status status = polarize::Main(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "ERROR: %s\n", std::string(status.message()).c_str());
  return 1;
}
