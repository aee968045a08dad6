#include "experiments/inspect/record_differences.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/inspect/metrics_file.h"
#include "experiments/run/field_path.h"

namespace polarize {
namespace {

std::string PairLine(absl::string_view name, absl::string_view a,
                     absl::string_view b) {
  return absl::StrCat(name, ": ", a, " and ", b);
}

}  // namespace

std::vector<std::string> ConfigDifferences(const RecordedRun& a,
                                           const RecordedRun& b) {
  if (a.section->name() != b.section->name()) {
    return {PairLine("experiment", std::string(a.section->name()),
                     std::string(b.section->name()))};
  }
  std::vector<std::string> lines;
  for (const std::string& path : ValuePaths(*a.config->GetDescriptor())) {
    const std::string of_a = ValueText(*a.config, path);
    const std::string of_b = ValueText(*b.config, path);
    if (of_a != of_b) lines.push_back(PairLine(path, of_a, of_b));
  }
  return lines;
}

std::vector<std::string> EnvironmentDifferences(const Environment& a,
                                                const Environment& b) {
  std::vector<std::string> lines;
  for (const char* const path :
       {"commit", "compiler", "build_mode", "simd_target", "cpu", "threads",
        "seed", "sharing", "numerics"}) {
    const std::string of_a = ValueText(a, path), of_b = ValueText(b, path);
    if (of_a == of_b) continue;
    const auto shown = [](const std::string& text) {
      return text == "\"\"" ? std::string("not recorded") : text;
    };
    lines.push_back(PairLine(path, shown(of_a), shown(of_b)));
  }
  return lines;
}

SummaryComparison CompareSummaries(const FlatJson& a, const FlatJson& b,
                                   SummaryMembers members) {
  SummaryComparison result;
  for (const auto& [name, value] : a) {
    if (name == "seconds") continue;
    const auto found = b.find(name);
    if (found == b.end()) {
      result.differences.push_back(
          PairLine(name, ScalarText(value), "nothing"));
      continue;
    }
    ++result.shared;
    if (SameValue(value, found->second)) continue;
    result.differences.push_back(
        PairLine(name, ScalarText(value), ScalarText(found->second)));
  }
  for (const auto& [name, value] : b) {
    if (name == "seconds" || a.count(name) > 0) continue;
    if (members == SummaryMembers::kOfBoth) {
      result.differences.push_back(
          PairLine(name, "nothing", ScalarText(value)));
    }
  }
  return result;
}

}  // namespace polarize
