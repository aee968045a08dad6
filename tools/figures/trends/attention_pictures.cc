#include "tools/figures/trends/attention_pictures.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/run/safetensors.h"

namespace polarize {
namespace {

// Of a dimension: what a picture can show, and more.
constexpr int64_t kMostSize = 4096;
// Weights of one sample.
constexpr size_t kMostWeights = size_t{1} << 24;

struct Shape {
  size_t samples, layers, heads, tokens;
};

bool IsShape(const std::vector<int64_t>& shape, size_t rank) {
  if (shape.size() != rank) return false;
  for (const int64_t size : shape) {
    if (size < 1 || size > kMostSize) return false;
  }
  return true;
}

absl::StatusOr<Shape> ShapeOf(const SafetensorsFile& file) {
  const TensorInfo* weights = file.Find("attention");
  const TensorInfo* tokens = file.Find("tokens");
  if (weights == nullptr || tokens == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(file.path(), ": no tensors 'attention' and 'tokens'"));
  }
  const std::vector<int64_t>& s = weights->shape;
  if (!IsShape(s, 5) || s[3] != s[4] ||
      tokens->shape != std::vector<int64_t>{s[0], s[3]}) {
    return absl::InvalidArgumentError(absl::StrCat(
        file.path(), ": 'attention' ", ShapeText(s), " and 'tokens' ",
        ShapeText(tokens->shape),
        " are not [samples, layers, heads, T, T] and [samples, T]"));
  }
  const Shape shape = {static_cast<size_t>(s[0]), static_cast<size_t>(s[1]),
                       static_cast<size_t>(s[2]), static_cast<size_t>(s[3])};
  if (shape.layers * shape.heads * shape.tokens * shape.tokens > kMostWeights) {
    return absl::InvalidArgumentError(absl::StrCat(
        file.path(), ": 'attention' ", ShapeText(s), " is too large to draw"));
  }
  return shape;
}

// All maps of one sample.
absl::StatusOr<AttentionMaps> SampleOf(const SafetensorsFile& file,
                                       const Shape& shape, size_t sample,
                                       const std::string& token_zero) {
  std::vector<int64_t> tokens(shape.tokens);
  absl::Status status =
      file.Read("tokens", absl::MakeSpan(tokens), sample * shape.tokens);
  if (!status.ok()) return status;
  AttentionMaps maps;
  maps.layers = shape.layers;
  maps.heads = shape.heads;
  for (const int64_t token : tokens) {
    maps.tokens.push_back(token == 0 ? token_zero : absl::StrCat(token));
  }
  std::vector<float> weights(shape.layers * shape.heads * shape.tokens *
                             shape.tokens);
  status =
      file.Read("attention", absl::MakeSpan(weights), sample * weights.size());
  if (!status.ok()) return status;
  maps.weights.assign(weights.begin(), weights.end());
  return maps;
}

AttentionMaps OneHead(const AttentionMaps& all, size_t layer, size_t head) {
  AttentionMaps map;
  map.layers = map.heads = 1;
  map.tokens = all.tokens;
  const size_t size = all.tokens.size() * all.tokens.size();
  const auto first =
      all.weights.begin() +
      static_cast<std::ptrdiff_t>((layer * all.heads + head) * size);
  map.weights.assign(first, first + static_cast<std::ptrdiff_t>(size));
  map.scale = WeightScale::kBothWays;
  map.colors = WeightColors::kPinkGreen;
  map.width = map.height = 1;
  map.bare = true;
  return map;
}

absl::Status DrawSample(const AttentionRun& run, size_t sample, size_t layer,
                        AttentionMaps all, Figures& figures, Drawn& drawn) {
  if (layer >= all.layers) {
    drawn.missing.push_back(
        {absl::StrFormat("attention_map_%s_%d_%d_*", run.name, sample, layer),
         absl::StrCat("not run: the model has ", all.layers, " layers")});
  }
  for (size_t head = 0; layer < all.layers && head < all.heads; ++head) {
    AttentionMaps map = OneHead(all, layer, head);
    map.name = absl::StrFormat("attention_map_%s_%d_%d_%d", run.name, sample,
                               layer, head);
    if (absl::Status status = figures.Draw(map); !status.ok()) return status;
    drawn.pictures.push_back(
        {map.name, absl::StrFormat("%s attention, evaluation sample %d, layer "
                                   "%d, head %d; pink -1, grey 0, green 1.",
                                   run.name, sample, layer, head)});
  }
  all.name = absl::StrFormat("attention_grid_%s_%d", run.name, sample);
  all.title =
      absl::StrFormat("%s attention, evaluation sample %d", run.name, sample);
  all.scale = WeightScale::kOwnRange;
  all.colors = WeightColors::kViridis;
  all.width = 6 * static_cast<double>(all.heads);
  all.height = 5 * static_cast<double>(all.layers);
  if (absl::Status status = figures.Draw(all); !status.ok()) return status;
  drawn.pictures.push_back(
      {all.name, absl::StrCat("All layers and heads of ", all.title,
                              "; colours from each map's least to its "
                              "greatest weight.")});
  return absl::OkStatus();
}

absl::Status DrawRun(const AttentionRun& run, const AttentionChoice& choice,
                     Figures& figures, Drawn& drawn) {
  const absl::StatusOr<SafetensorsFile> file =
      SafetensorsFile::Open(absl::StrCat(run.folder, "/attention.safetensors"));
  if (absl::IsNotFound(file.status())) {
    drawn.missing.push_back(
        {absl::StrCat("attention_map_", run.name, "_*"),
         "not run: no attention.safetensors of such a run"});
    return absl::OkStatus();
  }
  if (!file.ok()) return file.status();
  const absl::StatusOr<Shape> shape = ShapeOf(*file);
  if (!shape.ok()) return shape.status();
  for (size_t sample = 0; sample < choice.samples; ++sample) {
    if (sample >= shape->samples) {
      drawn.missing.push_back(
          {absl::StrCat("attention_map_", run.name, "_", sample, "_*"),
           absl::StrCat("not run: attention.safetensors holds ", shape->samples,
                        " samples (statistics.map_samples)")});
      continue;
    }
    absl::StatusOr<AttentionMaps> maps =
        SampleOf(*file, *shape, sample, choice.token_zero);
    if (!maps.ok()) return maps.status();
    const absl::Status status =
        DrawSample(run, sample, choice.layer, *std::move(maps), figures, drawn);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Drawn> DrawAttentionMaps(absl::Span<const AttentionRun> runs,
                                        const AttentionChoice& choice,
                                        Figures& figures) {
  Drawn drawn;
  for (const AttentionRun& run : runs) {
    const absl::Status status = DrawRun(run, choice, figures, drawn);
    if (!status.ok()) return status;
  }
  return drawn;
}

}  // namespace polarize
