#include "tools/report/report_sections.h"

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/report/coverage.h"
#include "tools/report/estimate.h"
#include "tools/report/provenance.h"

namespace polarize {
namespace {

using Rows = std::vector<std::vector<std::string>>;

struct NamedSweep {
  const char* name;
  const SweepData* sweep;
  Section section;
  const char* reference;  // core-hours
};

std::vector<NamedSweep> Sweeps(const ReportData& data) {
  return {{"induction", &data.induction, Section::kInduction, "1330"},
          {"classification", &data.classification, Section::kClassification,
           "125 to 145"}};
}

std::string Percent(size_t part, size_t whole) {
  return whole == 0 ? "" : absl::StrFormat("%.1f %%", 100.0 * part / whole);
}

std::string HoursText(double hours) {
  return absl::StrFormat(hours < 10 ? "%.2f" : "%.0f", hours);
}

// A row per field: which of its values were run.
void AppendAxes(const Coverage& coverage, Page& page) {
  Rows rows;
  for (const Coverage::AxisCoverage& axis : coverage.axes) {
    std::vector<std::string> complete, in_part, not_run;
    for (const Coverage::Value& value : axis.values) {
      if (value.over == 0) {
        not_run.push_back(value.value);
      } else if (value.over == value.planned) {
        complete.push_back(value.value);
      } else {
        in_part.push_back(absl::StrCat(value.value, " (", value.over, " of ",
                                       value.planned, ")"));
      }
    }
    rows.push_back({axis.column, absl::StrJoin(complete, ", "),
                    absl::StrJoin(in_part, ", "),
                    absl::StrJoin(not_run, ", ")});
  }
  page.Table({"field", "complete", "run in part", "not run"}, rows);
}

void AppendParts(const NamedSweep& named, const CostEstimate& cost,
                 Page& page) {
  size_t all = 0, extrapolated = 0;
  double extrapolated_hours = 0;
  Rows rows;
  for (const CostEstimate::Part& part : cost.parts) {
    all += part.runs;
    if (part.extrapolated) {
      extrapolated += part.runs;
      extrapolated_hours += part.hours;
    }
    rows.push_back(
        {part.basis, absl::StrCat(part.runs), HoursText(part.hours)});
  }
  page.Heading(absl::StrCat("How the estimate of ", named.name, " is made"));
  page.Paragraph(absl::StrFormat(
      "%d measured runs. Of the grid's %d runs %d (%s) have the same sizes as "
      "measured ones; %d are extrapolated and make up %s of the core-hours.",
      cost.measured, all, all - extrapolated, Percent(all - extrapolated, all),
      extrapolated,
      cost.hours > 0
          ? absl::StrFormat("%.1f %%", 100 * extrapolated_hours / cost.hours)
          : "none"));
  page.Table({"basis", "runs of the grid", "core-hours"}, rows);
}

}  // namespace

void AppendOrigins(const ReportData& data, Page& page) {
  page.Section("Machines, commits, time");
  Rows rows;
  double seconds = 0;
  for (const NamedSweep& named : Sweeps(data)) {
    for (const Origin& origin : OriginsOf(*named.sweep)) {
      seconds += origin.seconds;
      rows.push_back({named.name, origin.cpu, origin.simd_target,
                      absl::StrCat("`", origin.commit, "`"),
                      absl::StrCat(origin.runs), DurationText(origin.seconds),
                      origin.first, origin.last});
    }
  }
  if (rows.empty()) {
    page.Paragraph("No run of a sweep has left its time: not run.");
  } else {
    page.Paragraph(absl::StrCat("All of these runs together took ",
                                DurationText(seconds), " of one core."));
    page.Table({"sweep", "processor", "SIMD", "commit", "runs", "core time",
                "first start", "last start"},
               rows);
  }
  if (!data.section_three_machines.empty()) {
    page.Heading("Section 3");
    page.List(data.section_three_machines);
  }
  for (const NamedSweep& named : Sweeps(data)) {
    if (named.sweep->numerics.empty()) continue;
    page.Heading(absl::StrCat("Numerics of ", named.name));
    page.Terminal(named.sweep->numerics);
  }
}

void AppendCoverage(const ReportData& data, Page& page) {
  page.Section("What was not run");
  page.Paragraph(
      "Counted: the runs that each sweep's list names, against the rows of its "
      "CSV file. Without a list, the reference's grid stands for it.");
  Rows rows;
  std::vector<Coverage> coverages;
  for (const NamedSweep& named : Sweeps(data)) {
    coverages.push_back(CoverageOf(*named.sweep, named.section));
    const Coverage& coverage = coverages.back();
    rows.push_back(
        {named.name, coverage.has_list ? "its list" : "the reference's grid",
         absl::StrCat(coverage.planned), absl::StrCat(coverage.finished),
         absl::StrCat(coverage.diverged), absl::StrCat(coverage.failed),
         absl::StrCat(coverage.not_run),
         Percent(coverage.not_run, coverage.planned),
         absl::StrCat(coverage.foreign)});
  }
  page.Table({"sweep", "counted against", "planned", "finished", "diverged",
              "failed", "not run", "share not run", "rows of other runs"},
             rows);
  for (size_t i = 0; i < coverages.size(); ++i) {
    page.Heading(absl::StrCat(Sweeps(data)[i].name, ", by field"));
    AppendAxes(coverages[i], page);
  }
}

void AppendCost(const ReportData& data, Page& page) {
  page.Section("Cost of both whole sweeps");
  Rows rows;
  for (const NamedSweep& named : Sweeps(data)) {
    const CostEstimate cost = EstimateCost(*named.sweep, named.section);
    rows.push_back({named.name,
                    absl::StrCat(ReferenceGrid(named.section).size()),
                    absl::StrCat(cost.measured),
                    cost.parts.empty() ? "not run" : HoursText(cost.hours),
                    named.reference});
  }
  page.Paragraph(
      "Core-hours of the reference's grids on the machines below: each run of "
      "the grid costs the mean of the measured runs of its sizes (kind of "
      "attention, heads, layers and so on; seed, learning rate and shift cost "
      "nothing). Beside them what the reference needs on one core.");
  page.Table({"sweep", "runs", "measured", "core-hours, estimated",
              "core-hours, reference"},
             rows);
  for (const NamedSweep& named : Sweeps(data)) {
    const CostEstimate cost = EstimateCost(*named.sweep, named.section);
    if (!cost.parts.empty()) AppendParts(named, cost, page);
  }
}

}  // namespace polarize
