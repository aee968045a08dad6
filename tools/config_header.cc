#include "tools/config_header.h"

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/substitute.h"
#include "experiments/classification/config.h"
#include "experiments/induction/config.h"
#include "experiments/model/model_setup.h"
#include "experiments/pretrained/config.h"
#include "experiments/run/config.h"
#include "experiments/value_softmax/config.h"
#include "experiments/value_softmax/form.h"
#include "protos/sweep.pb.h"

namespace polarize {
namespace {

// positions: that the model reads per sequence.
ConfigShape TransformerShape(const TransformerConfig& model, int positions) {
  return {"#include <cstddef>\n",
          absl::Substitute("inline constexpr size_t kPositions = $0;\n"
                           "inline constexpr size_t kHeadWidth = $1;\n"
                           "inline constexpr char kAttentionType[] = \"$2\";\n"
                           "inline constexpr bool kCausal = $3;\n",
                           positions, model.embed_dim() / model.num_heads(),
                           model.attention_type(), model.is_causal())};
}

absl::StatusOr<ConfigShape> InductionShape(const ConfigText& text) {
  const absl::StatusOr<InductionConfig> config =
      LoadInductionConfig(text, {}, AttentionTypes());
  if (!config.ok()) return config.status();
  // The model reads all tokens but the last, which it only predicts.
  return TransformerShape(config->model(), config->task().seq_length() - 1);
}

absl::StatusOr<ConfigShape> ClassificationShape(const ConfigText& text) {
  const absl::StatusOr<ClassificationConfig> config =
      LoadClassificationConfig(text, {}, AttentionTypes());
  if (!config.ok()) return config.status();
  return TransformerShape(config->model(), config->task().seq_length());
}

// Forms of larger models, whose rows do not fit in registers, gain nothing.
constexpr size_t kMostFeatures = 128;

std::string FormText(const ValueSoftmaxForm& form) {
  return absl::Substitute(
      "    {static_cast<ValueSoftmaxMap>($0), "
      "static_cast<ValueSoftmaxLoss>($1),\n"
      "     static_cast<ValueSoftmaxOptimiser>($2), $3, $4, $5},\n",
      static_cast<int>(form.map), static_cast<int>(form.loss),
      static_cast<int>(form.optimiser), form.tied, form.features, form.latent);
}

absl::StatusOr<ConfigShape> ValueSoftmaxShape(const ConfigText& text) {
  const absl::StatusOr<ValueSoftmaxConfig> config =
      LoadValueSoftmaxConfig(text, {});
  if (!config.ok()) return config.status();
  std::vector<ValueSoftmaxForm> forms;
  for (const Variant& variant : Variants(*config)) {
    const ValueSoftmaxForm form = FormOf(variant.config);
    if (form.features > kMostFeatures || form.latent > kMostFeatures) continue;
    if (std::find(forms.begin(), forms.end(), form) == forms.end()) {
      forms.push_back(form);
    }
  }
  std::string rows;
  for (const ValueSoftmaxForm& form : forms) rows += FormText(form);
  return ConfigShape{
      "#include <array>\n\n#include "
      "\"kernels/value_softmax/value_softmax.h\"\n",
      absl::StrCat("inline constexpr std::array<ValueSoftmaxForm, ",
                   forms.size(), "> kForms = {{\n", rows, "}};\n")};
}

// A pretrained model's shape is known when its checkpoint is read.
absl::StatusOr<ConfigShape> PretrainedShape(const ConfigText& text) {
  const absl::StatusOr<PretrainedConfig> config =
      LoadPretrainedConfig(text, {});
  if (!config.ok()) return config.status();
  return ConfigShape{};
}

// A sweep's runs have shapes of their own; those that its kind of config checks
// are not known here.
absl::StatusOr<ConfigShape> SweepShape(const ConfigText& text) {
  SweepConfig config;
  const absl::StatusOr<FieldPlaces> places = LoadConfig(text, {}, &config);
  if (!places.ok()) return places.status();
  return ConfigShape{};
}

// A row for every message that configures an experiment.
struct KnownType {
  std::string_view type;
  absl::StatusOr<ConfigShape> (*shape)(const ConfigText&);
};
constexpr KnownType kKnownTypes[] = {
    {"polarize.ClassificationConfig", ClassificationShape},
    {"polarize.InductionConfig", InductionShape},
    {"polarize.PretrainedConfig", PretrainedShape},
    {"polarize.SweepConfig", SweepShape},
    {"polarize.ValueSoftmaxConfig", ValueSoftmaxShape},
};

// "two_heads" -> "TwoHeads".
std::string CamelCase(std::string_view name) {
  std::string camel;
  for (std::string_view word : absl::StrSplit(name, '_', absl::SkipEmpty())) {
    camel += absl::ascii_toupper(word[0]);
    camel += word.substr(1);
  }
  return camel;
}

// "tools/a.h" -> "POLARIZE_TOOLS_A_H_".
std::string IncludeGuard(std::string_view path) {
  std::string guard =
      absl::StrCat("POLARIZE_", absl::AsciiStrToUpper(path), "_");
  for (char& c : guard) {
    if (!absl::ascii_isalnum(c)) c = '_';
  }
  return guard;
}

// Inside of a string literal. "??=" would be a trigraph.
std::string Escaped(std::string_view text) {
  return absl::StrReplaceAll(absl::CEscape(text), {{"?", "\\?"}});
}

// A string literal per line.
std::string Literals(std::string_view text) {
  std::string literals;
  const std::vector<std::string_view> lines = absl::StrSplit(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool last = i + 1 == lines.size();
    if (last && lines[i].empty() && i > 0) break;
    absl::StrAppend(&literals, "\n    \"", Escaped(lines[i]),
                    last ? "\"" : "\\n\"");
  }
  return literals;
}

}  // namespace

absl::StatusOr<ConfigShape> ShapeOf(std::string_view type,
                                    const ConfigText& text) {
  std::string known;
  for (const KnownType& row : kKnownTypes) {
    if (row.type == type) return row.shape(text);
    absl::StrAppend(&known, known.empty() ? "" : ", ", row.type);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(text.file, ": message ", type, ": must be one of ", known));
}

std::string ShapeHeader(std::string_view name, std::string_view path,
                        const ConfigShape& shape) {
  return absl::Substitute(
      R"(// The shape of a config; made during the build.
#ifndef $0
#define $0

$2
namespace polarize::$1_shape {

$3
}  // namespace polarize::$1_shape

#endif  // $0
)",
      IncludeGuard(path), name, shape.includes, shape.declarations);
}

std::string EmbeddedHeader(std::string_view name, std::string_view path) {
  return absl::Substitute(
      R"(// A config's text and file name; made during the build.
#ifndef $0
#define $0

namespace polarize {

extern const char k$1ConfigText[];
extern const char k$1ConfigFile[];

}  // namespace polarize

#endif  // $0
)",
      IncludeGuard(path), CamelCase(name));
}

std::string EmbeddedSource(std::string_view name, std::string_view header_path,
                           const ConfigText& text) {
  return absl::Substitute(R"(#include "$0"

namespace polarize {

const char k$1ConfigText[] =$2;
const char k$1ConfigFile[] = "$3";

}  // namespace polarize
)",
                          header_path, CamelCase(name), Literals(text.text),
                          Escaped(text.file));
}

}  // namespace polarize
