#include "tools/report/section_three_claims.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace polarize {
namespace {

// Lines of a family whose claim starts so.
struct Selection {
  const char* family;
  const char* start;
};

Finding Judge(const ReportData& data, absl::Span<const Selection> selections) {
  Finding finding;
  size_t holds = 0, fails = 0;
  for (const SectionThreeLine& line : data.section_three) {
    if (std::none_of(selections.begin(), selections.end(),
                     [&](const Selection& selection) {
                       return line.family == selection.family &&
                              absl::StartsWith(line.claim, selection.start);
                     })) {
      continue;
    }
    finding.lines.push_back(line);
    if (line.verdict == "holds") ++holds;
    if (line.verdict == "fails") ++fails;
  }
  if (fails > 0) {
    finding.verdict = Verdict::kDiffers;
  } else if (holds > 0) {
    finding.verdict = Verdict::kReproduced;
  }
  finding.reason =
      finding.lines.empty()
          ? "no run of section 3 has checked it"
          : absl::StrCat(holds, " of ", finding.lines.size(), " checks hold",
                         fails > 0 ? absl::StrCat(", ", fails, " not") : "");
  return finding;
}

}  // namespace

Finding CheckOrder(const ReportData& data) {
  return Judge(data, {{"logistic", "3.2(a)"},
                      {"logistic", "3.2(b)"},
                      {"logistic", "potential"}});
}

Finding CheckOneHot(const ReportData& data) {
  return Judge(data, {{"logistic", "the loss falls"},
                      {"logistic", "3.3(b)"},
                      {"logistic", "3.3(c)"}});
}

Finding CheckRegression(const ReportData& data) {
  return Judge(data, {{"regression", "3.5(a)"},
                      {"regression", "3.2("},
                      {"regression", "section 3.2"}});
}

Finding CheckMaps(const ReportData& data) {
  return Judge(data, {{"normalisations_logistic", "the map polarizes"},
                      {"normalisations_square", "the map polarizes"}});
}

Finding CheckTied(const ReportData& data) {
  return Judge(data, {{"tied", "tied"}});
}

Finding CheckConditions(const ReportData& data) {
  return Judge(data, {{"condition_numbers", "s is sparser"}});
}

Finding CheckKl(const ReportData& data) {
  return Judge(data, {{"kl", "the loss goes to the entropy"}});
}

}  // namespace polarize
