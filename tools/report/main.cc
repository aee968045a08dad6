// Writes the report: one HTML page with every claim of the paper.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/user_path.h"
#include "tools/report/report.h"

ABSL_FLAG(std::string, sweeps, "sweeps",
          "folder with the sweeps, their CSV files, and the folders figures "
          "and value_softmax where there are such");
ABSL_FLAG(std::string, figures, "",
          "folder with the pictures (SVG); default: SWEEPS/figures");
ABSL_FLAG(std::string, value_softmax, "",
          "folder of section 3's runs; default: SWEEPS/value_softmax, or else "
          "docs/results/value_softmax");
ABSL_FLAG(std::string, pretrained, "",
          "CSV file of the 7B models' heads (model, layer, head, score); "
          "default: SWEEPS/pretrained.csv");
ABSL_FLAG(std::string, out, "", "the page's file; default: SWEEPS/report.html");

namespace {

int Fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  // A full disk and a reader that has left are errors of a write.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  absl::SetProgramUsageMessage(
      "Writes one HTML page: each claim of the paper with figures, numbers and "
      "a verdict.\nNothing need be there: what was not run says so.\n"
      "  bazel run //tools/report\n"
      "  bazel run //tools/report -- --sweeps=FOLDER --out=FILE");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    return Fail(absl::StrCat("\"", rest[1], "\" is no flag; see --help"));
  }
  const std::string sweeps = polarize::UserPath(absl::GetFlag(FLAGS_sweeps));
  polarize::ReportInputs inputs = polarize::InputsBelow(
      sweeps, polarize::UserPath(absl::GetFlag(FLAGS_figures)));
  const std::string value_softmax = absl::GetFlag(FLAGS_value_softmax);
  if (!value_softmax.empty()) {
    inputs.value_softmax = polarize::UserPath(value_softmax);
  }
  const std::string pretrained = absl::GetFlag(FLAGS_pretrained);
  if (!pretrained.empty()) {
    inputs.pretrained_csv = polarize::UserPath(pretrained);
  }
  const std::string out = absl::GetFlag(FLAGS_out).empty()
                              ? absl::StrCat(sweeps, "/report.html")
                              : polarize::UserPath(absl::GetFlag(FLAGS_out));
  const absl::StatusOr<polarize::Report> report =
      polarize::WriteReport(inputs, out);
  if (!report.ok()) return Fail(std::string(report.status().message()));
  for (const std::string& note : report->notes) {
    std::printf("note: %s\n", note.c_str());
  }
  std::printf("%s\nreport  %s\n", report->table.c_str(), out.c_str());
  return std::fflush(stdout) == 0 ? 0 : Fail("cannot write to stdout");
}
