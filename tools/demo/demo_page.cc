#include "tools/demo/demo_page.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/file.h"
#include "tools/report/page.h"

namespace polarize {
namespace {

constexpr size_t kMostPictureBytes = size_t{16} << 20;
constexpr size_t kWidth = 80;

// Adds figures/NAME.svg of a run's folder, if it is there.
void AddPicture(const std::string& folder, const std::string& name,
                const std::string& caption, Page& page, DemoPage& result) {
  const std::string file = absl::StrCat(folder, "/figures/", name, ".svg");
  const absl::StatusOr<std::string> svg = ReadFile(file, kMostPictureBytes);
  if (absl::IsNotFound(svg.status())) return;
  const absl::Status added =
      svg.ok() ? page.Picture(*svg, caption) : svg.status();
  if (added.ok()) {
    ++result.pictures;
  } else {
    result.broken.push_back(absl::StrCat(file, ": ", added.message()));
  }
}

void AddFlow(const FlowPart& flow, Page& page, DemoPage& result) {
  page.Section("A flow that ends on one weight").Paragraph(FlowSummary(flow));
  page.Terminal(LinesText(MapLines(flow.map, kWidth, TerminalColors::kNone)));
  AddPicture(flow.folder, "flow", "The weights s and u = V'b over time.", page,
             result);
  AddPicture(flow.folder, "entropy",
             "Entropy and largest entry of s over time.", page, result);
  page.Heading("The paper's claims about it");
  std::vector<std::vector<std::string>> rows;
  for (const Claim& claim : flow.claims) {
    rows.push_back({claim.claim, claim.predicted, claim.measured,
                    VerdictName(claim.verdict)});
  }
  page.Table({"claim", "predicted", "measured", "verdict"}, rows);
}

std::vector<std::string> NumbersOf(const TrainingPart& part) {
  std::vector<std::string> row = {absl::StrCat("`", part.name, "`")};
  for (const double x :
       {part.accuracy, part.sparsity, part.row_sum, part.flip_rate}) {
    row.push_back(absl::StrFormat("%.3f", x));
  }
  return row;
}

void AddTraining(absl::Span<const TrainingPart> training, Page& page,
                 DemoPage& result) {
  page.Section("A transformer that looks at one token");
  std::vector<std::vector<std::string>> rows;
  for (const TrainingPart& part : training) {
    page.Paragraph(TrainingSummary(part));
    rows.push_back(NumbersOf(part));
  }
  page.Table({"attention", "accuracy", "sparsity", "row sum", "flips"}, rows);
  page.Paragraph(
      "Sparsity is the largest share of the attention at CLS (of equal weights "
      "0.091), row sum what the weights at CLS add up to. Flips is the share "
      "of "
      "pairs of samples where the most attended token of one, put in the place "
      "of the other's, brings its own label along.");
  for (const TrainingPart& part : training) {
    page.Heading(part.name);
    page.Terminal(LinesText(MapLines(part.map, kWidth, TerminalColors::kNone)));
    AddPicture(part.folder, "sample_tracking_0_0",
               absl::StrCat("`", part.name,
                            "`: the attention at CLS of one sample of each of "
                            "two labels, over the steps of training."),
               page, result);
    AddPicture(part.folder, "attention_sample0",
               absl::StrCat("`", part.name,
                            "`: the attention of an evaluation sample after "
                            "training."),
               page, result);
  }
}

}  // namespace

DemoPage MakeDemoPage(const FlowPart& flow,
                      absl::Span<const TrainingPart> training,
                      const std::string& next) {
  Page page("The first minute",
            "What softmax does to attention, in three runs that took seconds "
            "on this machine: a gradient flow (section 3 of arXiv 2603.06248) "
            "and two transformers of one layer and one head (section 4.2).");
  DemoPage result;
  AddFlow(flow, page, result);
  AddTraining(training, page, result);
  page.Section("What to type next").Terminal(next);
  result.html = page.Take();
  return result;
}

}  // namespace polarize
