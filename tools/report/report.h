// The report: every claim of the paper beside what our runs say.
#ifndef POLARIZE_TOOLS_REPORT_REPORT_H_
#define POLARIZE_TOOLS_REPORT_REPORT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/report/claim.h"
#include "tools/report/inputs.h"

namespace polarize {

struct Report {
  // One per row of PaperClaims().
  std::vector<Finding> findings;
  // One self-contained HTML page (see page.h).
  std::string html;
  // Claims and verdicts for a terminal, with a last line of sums.
  std::string table;
  // Notes for the user: pictures that are missing or no SVG, inputs that are
  // not there.
  std::vector<std::string> notes;
};

// Equal inputs give equal bytes. What is missing is "not run"; what cannot be
// read is an error that names the file.
absl::StatusOr<Report> MakeReport(const ReportInputs& inputs);

// MakeReport() with the page written whole to the file `path`.
absl::StatusOr<Report> WriteReport(const ReportInputs& inputs,
                                   const std::string& path);

// Where the programs that write these files put them: in `sweeps`, and in
// `figures` (if empty, SWEEPS/figures) the pictures; section 3's results are
// those recorded in docs/results if `sweeps` has none. Files and folders that
// do not exist are left empty.
ReportInputs InputsBelow(const std::string& sweeps, const std::string& figures);

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_REPORT_H_
