// A claim of the paper, and what our runs say about it.
#ifndef POLARIZE_TOOLS_REPORT_CLAIM_H_
#define POLARIZE_TOOLS_REPORT_CLAIM_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "tools/report/inputs.h"
#include "tools/report/spread.h"

namespace polarize {

enum class Verdict {
  kReproduced,
  kDiffers,
  kNotRun,  // too few runs to tell
};

// "reproduced", "differs", "not run".
const char* VerdictName(Verdict verdict);

// A quantity that a verdict rests on, or that stands beside those that do.
struct Measure {
  std::string label;
  Spread spread;
  std::string note;
  // Where the rule's limit lies, to be drawn beside a share.
  absl::optional<double> limit;
};

struct Finding {
  Verdict verdict = Verdict::kNotRun;
  // The numbers that decided, in a sentence.
  std::string reason;
  std::vector<Measure> measures;
  // In place of measures, what a program has checked itself.
  std::vector<SectionThreeLine> lines;
  // Which runs: their ids, and the condition that selects them.
  std::vector<std::string> run_ids;
  std::string selection;
};

// A picture (see FindPicture) and what it shows.
struct PictureSpec {
  std::string name;
  std::string caption;
};

struct ClaimSpec {
  std::string id;       // in links: "softmax-sinks"
  std::string section;  // "4.1"
  std::string place;    // "theorem 3.3", "figure 6"
  std::string title;
  std::string paper;  // what it says, in our words
  std::string rule;   // the verdict's
  Finding (*check)(const ReportData& data);
  std::vector<PictureSpec> pictures;
  std::string command;                   // the runs come from
  std::vector<std::string> differences;  // from the reference
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_CLAIM_H_
