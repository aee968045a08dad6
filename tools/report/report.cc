#include "tools/report/report.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "experiments/run/file.h"
#include "experiments/run/user_path.h"
#include "tools/report/claim_card.h"
#include "tools/report/claim_table.h"
#include "tools/report/page.h"
#include "tools/report/report_sections.h"

namespace polarize {
namespace {

struct Tally {
  size_t reproduced = 0, differs = 0, not_run = 0;
};

Tally TallyOf(const std::vector<Finding>& findings) {
  Tally tally;
  for (const Finding& finding : findings) {
    switch (finding.verdict) {
      case Verdict::kReproduced:
        ++tally.reproduced;
        break;
      case Verdict::kDiffers:
        ++tally.differs;
        break;
      case Verdict::kNotRun:
        ++tally.not_run;
        break;
    }
  }
  return tally;
}

struct Tile {
  const char* css;
  const char* text;
  size_t count;
};

std::array<Tile, 3> Tiles(const Tally& tally) {
  return {
      {{"reproduced", "reproduced", tally.reproduced},
       {"differs", tally.differs == 1 ? "differs" : "differ", tally.differs},
       {"notrun", "not run", tally.not_run}}};
}

void AppendTally(const Tally& tally, HtmlWriter& html) {
  html.Open("ul", {{"class", "tally"}});
  for (const Tile& tile : Tiles(tally)) {
    html.Open("li", {{"class", tile.css}});
    html.Element("b", absl::StrCat(tile.count)).Text(tile.text).Close();
  }
  html.Close().Newline();
  html.Open("div", {{"class", "share"}, {"aria-hidden", "true"}});
  for (const Tile& tile : Tiles(tally)) {
    if (tile.count == 0) continue;
    html.Element(
        "i", "",
        {{"class", tile.css}, {"style", absl::StrCat("flex:", tile.count)}});
  }
  html.Close().Newline();
}

void AppendIndex(const std::vector<Finding>& findings, HtmlWriter& html) {
  html.Open("div", {{"class", "wide"}}).Open("table", {{"class", "index"}});
  html.Open("thead").Open("tr");
  for (const char* column : {"section", "claim", "verdict", "what decided"}) {
    html.Element("th", column);
  }
  html.Close().Close().Open("tbody").Newline();
  for (size_t i = 0; i < findings.size(); ++i) {
    const ClaimSpec& claim = PaperClaims()[i];
    html.Open("tr").Element("td", claim.section).Open("td");
    html.Element("a", claim.title, {{"href", absl::StrCat("#", claim.id)}});
    html.Close().Open("td");
    AppendVerdict(findings[i].verdict, html);
    html.Close().Element("td", findings[i].reason).Close().Newline();
  }
  html.Close().Close().Close().Newline();
}

const char* SectionTitle(const std::string& section) {
  if (section == "3") return "3 The value-softmax model";
  if (section == "4.1") return "4.1 Attention sinks";
  return "4.2 Influence of single tokens";
}

// The claims by section, each section once.
void AppendClaims(const std::vector<Finding>& findings,
                  const ReportInputs& inputs, DrawnPictures& drawn,
                  Page& page) {
  const std::vector<ClaimSpec>& claims = PaperClaims();
  std::vector<std::string> sections;
  for (const ClaimSpec& claim : claims) {
    if (std::find(sections.begin(), sections.end(), claim.section) ==
        sections.end()) {
      sections.push_back(claim.section);
    }
  }
  for (const std::string& section : sections) {
    page.Section(SectionTitle(section));
    for (size_t i = 0; i < claims.size(); ++i) {
      if (claims[i].section != section) continue;
      AppendClaim(claims[i], findings[i], inputs, drawn, page);
    }
  }
}

void AppendReading(Page& page) {
  page.Section("How to read this page");
  page.List(
      {"A verdict is computed from the runs by the rule beside it; nobody "
       "wrote it down. Fewer runs than the rule asks for are \"not run\", "
       "whatever they say.",
       "A group's number is the mean over its runs, each with the weight 1; "
       "beside it the least and the greatest run, the number of runs and of "
       "different seeds among them. The bar shows the same between 0 and 1, "
       "the broken line the rule's limit.",
       "A head is a sink if its sink score is above 0.9. Equal weights score "
       "0.214 if rows sum to 1, and 0.167 if not.",
       "A run that diverged or failed is counted below and in no mean."});
}

void AppendFooter(Page& page) {
  HtmlWriter& html = page.writer();
  html.Open("p", {{"class", "where"}})
      .Text(
          "The paper: Varre, Rofin, "
          "Flammarion 2026, ");
  html.Element("a", "arXiv 2603.06248",
               {{"href", "https://arxiv.org/abs/2603.06248"}});
  html.Text(". Made by polarize, ").Element("code", "bazel run //tools/report");
  html.Text(". This page holds all that it shows and loads nothing.").Close();
  html.Newline();
}

std::string Table(const std::vector<Finding>& findings) {
  std::string table;
  for (size_t i = 0; i < findings.size(); ++i) {
    const ClaimSpec& claim = PaperClaims()[i];
    absl::StrAppendFormat(&table, "%-4s %-56s %-10s  %s\n", claim.section,
                          claim.title, VerdictName(findings[i].verdict),
                          findings[i].reason);
  }
  const Tally tally = TallyOf(findings);
  absl::StrAppendFormat(
      &table, "%d claims: %d reproduced, %d differ, %d not run\n",
      findings.size(), tally.reproduced, tally.differs, tally.not_run);
  return table;
}

// Without the paths of a machine, which say nothing to a reader of the page.
std::vector<std::string> PictureNotes(const DrawnPictures& drawn) {
  std::vector<std::string> notes;
  for (const std::string& picture : drawn.broken) {
    notes.push_back(absl::StrCat("picture left out: ", picture));
  }
  if (!drawn.missing.empty()) {
    std::vector<std::string> missing = drawn.missing;
    std::sort(missing.begin(), missing.end());
    missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
    notes.push_back(
        absl::StrCat("no pictures: ", absl::StrJoin(missing, ", ")));
  }
  return notes;
}

// The first of these paths that exists, or "".
std::string FirstOf(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (PathExists(path)) return path;
  }
  return "";
}

SweepInputs SweepBelow(const std::string& sweeps, const std::string& name) {
  SweepInputs inputs;
  inputs.folder = FirstOf({absl::StrCat(sweeps, "/", name)});
  const std::string data = absl::StrCat(name, "_data.csv");
  const std::string times = absl::StrCat(name, "_times.csv");
  inputs.csv = FirstOf({absl::StrCat(sweeps, "/", name, "/", data),
                        absl::StrCat(sweeps, "/", data)});
  inputs.times = FirstOf({absl::StrCat(sweeps, "/", name, "/", times),
                          absl::StrCat(sweeps, "/", times)});
  return inputs;
}

}  // namespace

absl::StatusOr<Report> MakeReport(const ReportInputs& inputs) {
  const absl::StatusOr<ReportData> data = LoadReportData(inputs);
  if (!data.ok()) return data.status();
  Report report;
  for (const ClaimSpec& claim : PaperClaims()) {
    report.findings.push_back(claim.check(*data));
  }
  const Tally tally = TallyOf(report.findings);
  Page page(
      "The paper's claims, and what our runs say",
      "\"Gradient Flow Polarizes Softmax Outputs towards Low-Entropy "
      "Solutions\": each claim with our figure, our numbers and a verdict "
      "computed from them.");
  page.Fact("polarize-claims", absl::StrCat(report.findings.size()));
  page.Fact("polarize-verdicts",
            absl::StrFormat("%d reproduced, %d differ, %d not run",
                            tally.reproduced, tally.differs, tally.not_run));
  page.Section("Summary");
  AppendTally(tally, page.writer());
  AppendIndex(report.findings, page.writer());
  AppendReading(page);
  DrawnPictures drawn;
  AppendClaims(report.findings, inputs, drawn, page);
  AppendCoverage(*data, page);
  AppendCost(*data, page);
  AppendOrigins(*data, page);
  const std::vector<std::string> pictures = PictureNotes(drawn);
  if (!pictures.empty()) {
    page.Heading("Pictures not found, or left out");
    page.List(pictures);
  }
  for (const std::string& path : data->missing) {
    report.notes.push_back(absl::StrCat(path, " is not there"));
  }
  report.notes.insert(report.notes.end(), pictures.begin(), pictures.end());
  AppendFooter(page);
  report.html = page.Take();
  report.table = Table(report.findings);
  return report;
}

absl::StatusOr<Report> WriteReport(const ReportInputs& inputs,
                                   const std::string& path) {
  absl::StatusOr<Report> report = MakeReport(inputs);
  if (!report.ok()) return report;
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!folder.empty()) {
    const absl::Status made = MakeFolders(folder);
    if (!made.ok()) return made;
  }
  const absl::Status written = WriteFileWhole(path, report->html);
  if (!written.ok()) return written;
  return report;
}

ReportInputs InputsBelow(const std::string& sweeps,
                         const std::string& figures) {
  ReportInputs inputs;
  inputs.induction = SweepBelow(sweeps, "induction");
  inputs.classification = SweepBelow(sweeps, "classification");
  inputs.pictures =
      figures.empty() ? FirstOf({absl::StrCat(sweeps, "/figures")}) : figures;
  inputs.value_softmax = FirstOf({absl::StrCat(sweeps, "/value_softmax"),
                                  UserPath("docs/results/value_softmax")});
  inputs.pretrained_csv = FirstOf({absl::StrCat(sweeps, "/pretrained.csv")});
  return inputs;
}

}  // namespace polarize
