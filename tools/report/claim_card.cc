#include "tools/report/claim_card.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "tools/report/svg.h"

namespace polarize {
namespace {

// Ids that are listed; the condition selects the others.
constexpr size_t kListedIds = 48;

absl::string_view ClassName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReproduced:
      return "reproduced";
    case Verdict::kDiffers:
      return "differs";
    case Verdict::kNotRun:
      break;
  }
  return "notrun";
}

absl::string_view Mark(Verdict verdict) {
  switch (verdict) {
    case Verdict::kReproduced:
      return "✓";
    case Verdict::kDiffers:
      return "≠";
    case Verdict::kNotRun:
      break;
  }
  return "○";
}

// 0 to 1 as 2 to 118.
std::string Place(double value) {
  return absl::StrFormat("%.1f", 2 + 116 * std::min(std::max(value, 0.0), 1.0));
}

void AppendLine(absl::string_view css, double x1, double x2,
                absl::string_view width, HtmlWriter& html) {
  html.Void("line", {{"class", css},
                     {"x1", Place(x1)},
                     {"x2", Place(x2)},
                     {"y1", "7"},
                     {"y2", "7"},
                     {"stroke-width", width}});
}

// Mean, least and greatest between 0 and 1.
void AppendRange(const Measure& measure, HtmlWriter& html) {
  const Spread& spread = measure.spread;
  html.Open("svg", {{"xmlns", "http://www.w3.org/2000/svg"},
                    {"class", "range"},
                    {"viewBox", "0 0 120 14"},
                    {"role", "img"},
                    {"aria-label", "range from 0 to 1"}});
  AppendLine("track", 0, 1, "1", html);
  if (measure.limit.has_value()) {
    html.Void("line", {{"class", "limit"},
                       {"x1", Place(*measure.limit)},
                       {"x2", Place(*measure.limit)},
                       {"y1", "0"},
                       {"y2", "14"}});
  }
  if (spread.runs() > 0) {
    AppendLine("spread", spread.least(), spread.greatest(), "6", html);
    html.Void("circle", {{"class", "mean"},
                         {"cx", Place(spread.mean())},
                         {"cy", "7"},
                         {"r", "3.5"}});
  }
  html.Close();
}

void AppendHead(absl::string_view first, HtmlWriter& html) {
  html.Open("div", {{"class", "wide"}}).Open("table").Open("thead").Open("tr");
  html.Element("th", first);
}

void AppendMeasures(const Finding& finding, HtmlWriter& html) {
  AppendHead("group", html);
  const bool notes =
      std::any_of(finding.measures.begin(), finding.measures.end(),
                  [](const Measure& measure) { return !measure.note.empty(); });
  for (const char* column :
       {"mean", "least to greatest", "0 to 1", "runs", "seeds"}) {
    html.Element("th", column);
  }
  if (notes) html.Element("th", "");
  html.Close().Close().Open("tbody").Newline();
  for (const Measure& measure : finding.measures) {
    const Spread& spread = measure.spread;
    const bool any = spread.runs() > 0;
    html.Open("tr").Element("td", measure.label);
    html.Element("td", any ? absl::StrFormat("%.3f", spread.mean()) : "no run",
                 {{"class", "n"}});
    html.Element(
        "td",
        any ? absl::StrFormat("%.3f to %.3f", spread.least(), spread.greatest())
            : "",
        {{"class", "n"}});
    html.Open("td");
    if (any) AppendRange(measure, html);
    html.Close();
    html.Element("td", absl::StrCat(spread.runs()), {{"class", "n"}});
    html.Element("td", absl::StrCat(spread.seeds()), {{"class", "n"}});
    if (notes) html.Element("td", measure.note);
    html.Close().Newline();
  }
  html.Close().Close().Close().Newline();
}

void AppendLines(const Finding& finding, HtmlWriter& html) {
  AppendHead("run", html);
  for (const char* column : {"check", "predicted", "measured", "verdict"}) {
    html.Element("th", column);
  }
  html.Close().Close().Open("tbody").Newline();
  for (const SectionThreeLine& line : finding.lines) {
    html.Open("tr");
    for (const std::string* text : {&line.run, &line.claim, &line.predicted,
                                    &line.measured, &line.verdict}) {
      html.Element("td", *text);
    }
    html.Close().Newline();
  }
  html.Close().Close().Close().Newline();
}

void AppendPictures(const ClaimSpec& claim, const ReportInputs& inputs,
                    DrawnPictures& drawn, Page& page) {
  HtmlWriter& html = page.writer();
  std::vector<std::string> missing;
  html.Open("div", {{"class", "figures"}}).Newline();
  for (const PictureSpec& picture : claim.pictures) {
    const std::string& name = picture.name;
    const auto before = drawn.first_claim.find(name);
    if (before != drawn.first_claim.end()) {
      html.Open("p", {{"class", "again"}});
      html.Element("a", picture.caption,
                   {{"href", absl::StrCat("#", before->second)}});
      html.Text(" (shown above)").Close();
      continue;
    }
    const std::string svg = FindPicture(inputs, name);
    if (svg.empty()) {
      missing.push_back(name);
      continue;
    }
    const absl::Status status = page.Picture(svg, picture.caption);
    if (status.ok()) {
      drawn.first_claim[name] = claim.id;
    } else {
      drawn.broken.push_back(absl::StrCat(name, ": ", status.message()));
      missing.push_back(name);
    }
  }
  html.Close().Newline();
  if (missing.empty()) return;
  html.Open("p", {{"class", "where"}}).Text("No picture: ");
  for (size_t i = 0; i < missing.size(); ++i) {
    html.Text(i == 0 ? "" : ", ").Element("code", missing[i]);
    drawn.missing.push_back(missing[i]);
  }
  html.Close().Newline();
}

void AppendRuns(const ClaimSpec& claim, const Finding& finding,
                HtmlWriter& html) {
  html.Element("dt", "runs").Open("dd");
  if (!finding.lines.empty()) {
    std::vector<std::string> runs;
    for (const SectionThreeLine& line : finding.lines) {
      const std::string run = absl::StrCat(line.family, "/", line.run);
      if (std::find(runs.begin(), runs.end(), run) == runs.end()) {
        runs.push_back(run);
      }
    }
    html.Text(absl::StrCat(runs.size(), runs.size() == 1 ? " run: " : " runs: ",
                           absl::StrJoin(runs, ", ")));
  } else {
    html.Text(absl::StrCat(finding.run_ids.size(),
                           finding.run_ids.size() == 1 ? " run" : " runs"));
  }
  if (!finding.selection.empty()) {
    html.Text(" with ").Element("code", finding.selection);
  }
  if (!finding.run_ids.empty()) {
    html.Open("details").Element("summary", "their ids");
    html.Open("p", {{"class", "ids"}});
    for (size_t i = 0; i < std::min(finding.run_ids.size(), kListedIds); ++i) {
      html.Text(finding.run_ids[i]).Text(" ");
    }
    if (finding.run_ids.size() > kListedIds) {
      html.Text(absl::StrCat("and ", finding.run_ids.size() - kListedIds,
                             " more: the condition selects them"));
    }
    html.Close().Close();
  }
  html.Close().Newline();
  html.Element("dt", "command").Open("dd").Element("code", claim.command);
  html.Close().Newline();
}

}  // namespace

void AppendVerdict(Verdict verdict, HtmlWriter& html) {
  html.Element("span", absl::StrCat(Mark(verdict), " ", VerdictName(verdict)),
               {{"class", absl::StrCat("verdict ", ClassName(verdict))}});
}

void AppendClaim(const ClaimSpec& claim, const Finding& finding,
                 const ReportInputs& inputs, DrawnPictures& drawn, Page& page) {
  HtmlWriter& html = page.writer();
  html.Open("article",
            {{"class", absl::StrCat("claim ", ClassName(finding.verdict))},
             {"id", claim.id},
             {"data-verdict", VerdictName(finding.verdict)}})
      .Newline();
  html.Open("h3").Text(claim.title).Text(" ");
  AppendVerdict(finding.verdict, html);
  html.Close().Newline();
  html.Element("p", absl::StrCat("Section ", claim.section, ": ", claim.place),
               {{"class", "where"}});
  html.Open("dl").Newline();
  html.Element("dt", "the paper").Open("dd").Prose(claim.paper).Close();
  html.Element("dt", "here").Open("dd");
  html.Element("span", finding.reason, {{"class", "decided"}}).Close();
  html.Element("dt", "rule").Open("dd").Prose(claim.rule).Close().Newline();
  html.Close().Newline();
  AppendPictures(claim, inputs, drawn, page);
  if (!finding.measures.empty()) AppendMeasures(finding, html);
  if (!finding.lines.empty()) AppendLines(finding, html);
  html.Open("dl").Newline();
  AppendRuns(claim, finding, html);
  if (!claim.differences.empty()) {
    html.Element("dt", "what differs").Open("dd").Open("ul");
    for (const std::string& difference : claim.differences) {
      html.Open("li").Prose(difference).Close();
    }
    html.Close().Close().Newline();
  }
  html.Close().Close().Newline();
}

}  // namespace polarize
