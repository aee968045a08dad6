#include "tools/figures/bars.h"

#include <set>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/csv.h"
#include "experiments/run/file.h"
#include "experiments/run/typed_table.h"
#include "experiments/sweep/cell_text.h"
#include "tools/sweeps/thresholds.h"

namespace polarize {
namespace {

using Legend = BarChart::Legend;

constexpr double kMainAux = 0.2;
constexpr int kSparsityVocab = 41;

// ---- Section 4.1 ----

struct InductionGroup {
  double aux;
  bool shift;
  std::string positions;
  bool operator<(const InductionGroup& other) const {
    return std::tie(aux, shift, positions) <
           std::tie(other.aux, other.shift, other.positions);
  }
  bool Has(const InductionRun& run) const {
    return run.aux_loss_weight == aux && run.shift_query_token == shift &&
           run.positional_type == positions;
  }
};

// The paper's, and those of the runs.
std::set<InductionGroup> InductionGroups(
    const std::vector<InductionRun>& runs) {
  std::set<InductionGroup> groups;
  for (const double aux : {0.0, 0.2}) {
    for (const bool shift : {false, true}) {
      for (const char* positions : {"add", "concat", "no"}) {
        groups.insert({aux, shift, positions});
      }
    }
  }
  for (const InductionRun& run : runs) {
    groups.insert(
        {run.aux_loss_weight, run.shift_query_token, run.positional_type});
  }
  return groups;
}

std::string NameOf(absl::string_view family, const InductionGroup& group) {
  return absl::StrCat(family, "_aux", FloatText(group.aux),
                      group.shift ? "_shift_" : "_noshift_", group.positions);
}

std::string TitleOf(absl::string_view what, const InductionGroup& group) {
  return absl::StrCat(what, ": aux ", FloatText(group.aux),
                      group.shift ? ", shift" : ", no shift", ", positions ",
                      group.positions);
}

BarPicture SinkPicture(const std::vector<InductionRun>& runs,
                       const InductionGroup& group) {
  BarPicture picture;
  picture.name = NameOf("sink_proportions", group);
  picture.y_label = "% of sink heads";
  picture.legend_yields = true;
  picture.panels.resize(1);
  for (const InductionRun& run : runs) {
    if (!group.Has(run)) continue;
    picture.panels[0].cells.Add(run.attention_type,
                                run.accuracy > kSolvedAccuracy, run.sink_share);
  }
  picture.detail_title = TitleOf("Sink heads", group);
  picture.meaning =
      "Bars: share of heads of layer 1 with a sink score above 0.9, mean over "
      "runs (seeds, learning rates and numbers of heads together).";
  picture.filter = "with accuracy above 95 %";
  picture.chance = "Chance: 0 %, as equal weights give every head 0.21.";
  return picture;
}

BarPicture AccuracyPicture(const std::vector<InductionRun>& runs,
                           const InductionGroup& group) {
  BarPicture picture;
  picture.name = NameOf("accuracy", group);
  picture.y_label = "Accuracy";
  picture.hatch = Hatch::kCross;
  picture.legend = Legend::kUpperLeft;
  picture.legend_columns = 2;
  picture.legend_yields = true;
  picture.panels.resize(1);
  for (const InductionRun& run : runs) {
    if (!group.Has(run)) continue;
    picture.panels[0].cells.Add(run.attention_type, true, run.accuracy);
  }
  picture.detail_title = TitleOf("Accuracy", group);
  picture.meaning =
      "Bars: accuracy on evaluation sequences, mean over runs (seeds, learning "
      "rates and numbers of heads together).";
  picture.filter = "with a result";
  picture.chance = "Chance: one of the ten tokens seen.";
  picture.chance_line = ReferenceLine{"chance 10%", 0.1};
  return picture;
}

// ---- Section 4.2 ----

struct FlipGroup {
  int vocab;
  bool mlp, norm;
  bool operator<(const FlipGroup& other) const {
    return std::tie(vocab, mlp, norm) <
           std::tie(other.vocab, other.mlp, other.norm);
  }
};

bool HasOneHead(const ClassificationRun& run) {
  return run.num_layers == 1 && run.num_heads == 1;
}

BarPicture FlipPicture(const std::vector<ClassificationRun>& runs,
                       const FlipGroup& group) {
  BarPicture picture;
  picture.name =
      absl::StrCat("fliprate_vocab", group.vocab, group.mlp ? "_mlp" : "_nomlp",
                   group.norm ? "_ln" : "_noln");
  picture.y_label = "Flip Rate";
  picture.hatch = Hatch::kDots;
  picture.legend_columns = 2;
  picture.panels.resize(1);
  for (const ClassificationRun& run : runs) {
    if (!HasOneHead(run) || run.vocab_size != group.vocab ||
        run.use_mlp != group.mlp || run.use_layernorm != group.norm) {
      continue;
    }
    picture.panels[0].cells.Add(run.attention_type, true, run.flip_rate);
  }
  picture.detail_title = absl::StrCat("Flip rate: vocabulary ", group.vocab,
                                      group.mlp ? ", MLP" : ", no MLP",
                                      group.norm ? ", LN" : ", no LN");
  picture.meaning =
      "Bars: share of mixtures that are given the label of their most attended "
      "token, mean over runs (seeds and learning rates together).";
  picture.filter = "with a result";
  picture.chance =
      "Chance: a guess among four labels flips 25 %; a model that weighs all "
      "tokens alike flips none.";
  picture.chance_line = ReferenceLine{"guess 25%", 0.25};
  return picture;
}

std::string SparsityTitle(bool mlp, bool norm) {
  return absl::StrCat(mlp ? "MLP" : "no MLP", norm ? ", LN" : ", no LN");
}

BarPicture SparsityPicture(const std::vector<ClassificationRun>& runs,
                           int layers, int heads) {
  BarPicture picture;
  picture.name = absl::StrCat("sparsity_layers", layers, "_heads", heads);
  picture.title = absl::StrCat("layers=", layers, ", heads=", heads);
  picture.y_label = "Sparsity Score";
  picture.hatch = Hatch::kStars;
  picture.legend = Legend::kAbove;
  for (const bool mlp : {false, true}) {
    for (const bool norm : {false, true}) {
      picture.panels.push_back({SparsityTitle(mlp, norm), Cells()});
      Cells& cells = picture.panels.back().cells;
      for (const ClassificationRun& run : runs) {
        if (run.vocab_size == kSparsityVocab && run.num_layers == layers &&
            run.num_heads == heads && run.use_mlp == mlp &&
            run.use_layernorm == norm) {
          cells.Add(run.attention_type, true, run.sparsity);
        }
      }
    }
  }
  picture.detail_title = absl::StrCat("Sparsity score, vocabulary 41: ", layers,
                                      layers == 1 ? " layer, " : " layers, ",
                                      heads, heads == 1 ? " head" : " heads");
  picture.meaning =
      "Bars: largest share of CLS's attention on one token, mean over heads, "
      "layers and runs (seeds and learning rates together).";
  picture.filter = "with a result";
  picture.chance = "Equal weights on 11 tokens: 9.1 %.";
  picture.chance_line = ReferenceLine{"equal 9.1%", 1.0 / 11};
  return picture;
}

// ---- Drawing ----

size_t AllRuns(const BarPicture& picture) {
  size_t runs = 0;
  for (const BarPicture::Panel& panel : picture.panels) {
    runs += panel.cells.runs();
  }
  return runs;
}

class Drawer {
 public:
  Drawer(std::string folder, Figures figures, PictureLog& log)
      : folder_(std::move(folder)), figures_(std::move(figures)), log_(log) {
    figures_.Postpone();
  }

  absl::Status Draw(const std::vector<BarPicture>& pictures,
                    const std::string& source) {
    for (const BarPicture& picture : pictures) {
      absl::Status status = DrawOne(picture, source);
      if (!status.ok()) return status;
    }
    return Finish();
  }

  // Makes the pictures of what was drawn since the last time.
  absl::Status Finish() {
    absl::Status status = figures_.DrawPostponed();
    if (!status.ok()) return status;
    for (const std::string& name : std::exchange(drawn_, {})) log_.Drawn(name);
    return status;
  }

  std::string Notice() const { return figures_.Notice(); }

 private:
  absl::Status DrawOne(const BarPicture& picture, const std::string& source) {
    if (AllRuns(picture) == 0) {
      log_.NoData(picture.name, absl::StrCat("no such run in ", source));
      return absl::OkStatus();
    }
    // A chart of complete kinds alone may have none.
    if (PaperChart(picture).panels[0].groups.empty()) {
      log_.NoData(picture.name,
                  absl::StrCat("no run ", picture.filter, " in ", source));
      return absl::OkStatus();
    }
    absl::Status status =
        WriteFileWhole(absl::StrCat(folder_, "/", picture.name, ".csv"),
                       CsvText(BarTable(picture)));
    if (status.ok()) status = figures_.Draw(PaperChart(picture));
    if (status.ok()) status = figures_.Draw(DetailChart(picture));
    if (status.ok()) drawn_.push_back(picture.name);
    return status;
  }

  std::string folder_;
  Figures figures_;
  PictureLog& log_;
  std::vector<std::string> drawn_;
};

absl::Status DrawInduction(const FigureInputs& inputs, Drawer& drawer) {
  const std::string& file = inputs.induction_csv;
  const absl::StatusOr<TypedTable> table = TypedTable::Read(file);
  if (!table.ok()) return table.status();
  const absl::StatusOr<std::vector<InductionRun>> runs = InductionRuns(*table);
  if (!runs.ok()) return runs.status();
  absl::Status status = drawer.Draw({MainFigure(*runs)}, file);
  if (status.ok()) status = drawer.Draw(SinkProportions(*runs), file);
  if (status.ok()) status = drawer.Draw(Accuracies(*runs), file);
  return status;
}

absl::Status DrawClassification(const FigureInputs& inputs, Drawer& drawer) {
  const std::string& file = inputs.classification_csv;
  const absl::StatusOr<TypedTable> table = TypedTable::Read(file);
  if (!table.ok()) return table.status();
  const absl::StatusOr<std::vector<ClassificationRun>> runs =
      ClassificationRuns(*table);
  if (!runs.ok()) return runs.status();
  absl::Status status = drawer.Draw(FlipRates(*runs), file);
  if (status.ok()) status = drawer.Draw(SparsityGrids(*runs), file);
  return status;
}

}  // namespace

BarPicture MainFigure(const std::vector<InductionRun>& runs) {
  BarPicture picture = SinkPicture(runs, {kMainAux, true, "add"});
  picture.name = "main_figure";
  picture.y_label = "% of sinks";
  picture.legend_yields = false;
  picture.complete_kinds_only = true;
  return picture;
}

std::vector<BarPicture> SinkProportions(const std::vector<InductionRun>& runs) {
  std::vector<BarPicture> pictures;
  for (const InductionGroup& group : InductionGroups(runs)) {
    pictures.push_back(SinkPicture(runs, group));
  }
  return pictures;
}

std::vector<BarPicture> Accuracies(const std::vector<InductionRun>& runs) {
  std::vector<BarPicture> pictures;
  for (const InductionGroup& group : InductionGroups(runs)) {
    pictures.push_back(AccuracyPicture(runs, group));
  }
  return pictures;
}

std::vector<BarPicture> FlipRates(const std::vector<ClassificationRun>& runs) {
  std::set<int> vocabs = {41, 81, 161};
  for (const ClassificationRun& run : runs) {
    if (HasOneHead(run)) vocabs.insert(run.vocab_size);
  }
  std::vector<BarPicture> pictures;
  for (const int vocab : vocabs) {
    for (const bool mlp : {false, true}) {
      for (const bool norm : {false, true}) {
        pictures.push_back(FlipPicture(runs, {vocab, mlp, norm}));
      }
    }
  }
  return pictures;
}

std::vector<BarPicture> SparsityGrids(
    const std::vector<ClassificationRun>& runs) {
  std::set<std::pair<int, int>> grids;
  for (const int layers : {1, 2}) {
    for (const int heads : {1, 2, 4}) grids.insert({layers, heads});
  }
  for (const ClassificationRun& run : runs) {
    if (run.vocab_size == kSparsityVocab) {
      grids.insert({run.num_layers, run.num_heads});
    }
  }
  std::vector<BarPicture> pictures;
  for (const auto& [layers, heads] : grids) {
    pictures.push_back(SparsityPicture(runs, layers, heads));
  }
  return pictures;
}

absl::Status DrawBars(const FigureInputs& inputs, PictureLog& log) {
  absl::StatusOr<Figures> figures = Figures::In(inputs.out);
  if (!figures.ok()) return figures.status();
  Drawer drawer(inputs.out, *std::move(figures), log);
  struct Part {
    const char* pictures;
    absl::Status (*draw)(const FigureInputs&, Drawer&);
  };
  const Part parts[] = {
      {"main_figure, sink_proportions_*, accuracy_*", DrawInduction},
      {"fliprate_*, sparsity_*", DrawClassification}};
  for (const Part& part : parts) {
    const absl::Status status = part.draw(inputs, drawer);
    if (absl::IsNotFound(status)) {
      log.NoData(part.pictures, status.message());
    } else if (!status.ok()) {
      return status;
    }
  }
  if (!drawer.Notice().empty()) log.Note(drawer.Notice());
  return absl::OkStatus();
}

}  // namespace polarize
