#include "tools/config_header.h"

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

namespace polarize {
namespace {

absl::StatusOr<ConfigShape> InductionShape(const ConfigText& text) {
  const absl::StatusOr<InductionConfig> config =
      LoadInductionConfig(text, {}, AttentionTypes());
  if (!config.ok()) return config.status();
  const TransformerConfig& model = config->model();
  // The model reads all tokens but the last, which it only predicts.
  return ConfigShape{config->task().seq_length() - 1,
                     model.embed_dim() / model.num_heads(),
                     model.attention_type(), model.is_causal()};
}

absl::StatusOr<ConfigShape> ClassificationShape(const ConfigText& text) {
  const absl::StatusOr<ClassificationConfig> config =
      LoadClassificationConfig(text, {}, AttentionTypes());
  if (!config.ok()) return config.status();
  const TransformerConfig& model = config->model();
  return ConfigShape{config->task().seq_length(),
                     model.embed_dim() / model.num_heads(),
                     model.attention_type(), model.is_causal()};
}

// A row for every message that configures an experiment.
struct KnownType {
  std::string_view type;
  absl::StatusOr<ConfigShape> (*shape)(const ConfigText&);
};
constexpr KnownType kKnownTypes[] = {
    {"polarize.ClassificationConfig", ClassificationShape},
    {"polarize.InductionConfig", InductionShape},
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

#include <cstddef>

namespace polarize::$1_shape {

inline constexpr size_t kPositions = $2;
inline constexpr size_t kHeadWidth = $3;
inline constexpr char kAttentionType[] = "$4";
inline constexpr bool kCausal = $5;

}  // namespace polarize::$1_shape

#endif  // $0
)",
      IncludeGuard(path), name, shape.positions, shape.head_width,
      shape.attention_type, shape.causal);
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
