// bazel run //tools:figures: the paper's pictures from the CSV files of sweeps.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tools/figures/bars.h"
#include "tools/figures/inputs.h"
#include "tools/figures/picture_log.h"
#include "tools/figures/trend_pictures.h"
#include "tools/report/inputs.h"
#include "tools/report/report.h"

ABSL_FLAG(std::string, induction, "", "CSV file of the sweep of section 4.1");
ABSL_FLAG(std::string, classification, "",
          "CSV file of the sweep of section 4.2");
ABSL_FLAG(std::string, sweeps, "", "folder of the sweeps");
ABSL_FLAG(std::string, out, "", "folder of the pictures");

namespace polarize {
namespace {

constexpr char kHelp[] =
    R"(Draws the paper's pictures from the results of sweeps.

Usage: figures [flags]
With Bazel: bazel run //tools:figures -- [flags]

Examples:
  figures
  figures --induction=induction_data.csv --out=pictures

Flags (relative paths: from the directory that you are in):
  --sweeps FOLDER        Holds the folders of the sweeps, `induction` and
                         `classification`. Default: sweeps.
  --induction FILE       The CSV file of section 4.1's runs.
                         Default: SWEEPS/induction/induction_data.csv.
  --classification FILE  The CSV file of section 4.2's runs. Default:
                         SWEEPS/classification/classification_data.csv.
  --out FOLDER           Where the pictures go. Default: SWEEPS/figures.
  --help                 Prints this.

Where a CSV file is missing, the runs of its sweep are collected first.
Each picture NAME is NAME.svg and NAME.pdf, drawn from NAME.dat by NAME.gp; of
bars, NAME.csv has the numbers, and NAME_detail shows intervals and numbers of
runs. A picture for which there is no data is named, with the reason.
)";

// The page is made of the pictures, so it comes last.
absl::Status WriteThePage(const FigureInputs& inputs, PictureLog& log) {
  ReportInputs pages = InputsBelow(inputs.sweeps, inputs.out);
  pages.induction.csv = inputs.induction_csv;
  pages.classification.csv = inputs.classification_csv;
  const std::string path = absl::StrCat(inputs.sweeps, "/report.html");
  const absl::StatusOr<Report> report = WriteReport(pages, path);
  if (!report.ok()) return report.status();
  for (const std::string& note : report->notes) log.Note(note);
  std::printf("%s\nreport   %s\n", report->table.c_str(), path.c_str());
  return absl::OkStatus();
}

// What is drawn, in this order.
using DrawPart = absl::Status (*)(const FigureInputs&, PictureLog&);
constexpr DrawPart kParts[] = {DrawBars, DrawTrendPictures, WriteThePage};

bool WantsHelp(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--help" || argument == "-help" || argument == "-h") {
      return true;
    }
  }
  return false;
}

FigureInputs GivenBy(int argc, char** argv) {
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr,
                 "ERROR: %s: not a flag; flags begin with --\n"
                 "(--help lists the flags)\n",
                 rest[1]);
    std::exit(1);
  }
  FigureInputs given;
  given.induction_csv = absl::GetFlag(FLAGS_induction);
  given.classification_csv = absl::GetFlag(FLAGS_classification);
  given.sweeps = absl::GetFlag(FLAGS_sweeps);
  given.out = absl::GetFlag(FLAGS_out);
  return given;
}

int Main(int argc, char** argv) {
  if (WantsHelp(argc, argv)) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  const FigureInputs given = GivenBy(argc, argv);
  FigureInputs inputs = WithDefaults(given);
  PictureLog log(stdout);
  absl::Status status = CheckGiven(given);
  if (status.ok()) status = CollectMissing(inputs, log);
  for (const DrawPart draw : kParts) {
    if (status.ok()) status = draw(inputs, log);
  }
  if (!status.ok()) {
    std::fprintf(stderr, "ERROR: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  std::printf("%zu pictures in %s, no data for %zu\n", log.drawn(),
              inputs.out.c_str(), log.without_data());
  if (log.drawn() == 0) {
    std::printf("First: bazel run //experiments:sweep -- induction\n");
  }
  return 0;
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) { return polarize::Main(argc, argv); }
