#include "experiments/pretrained/checkpoint/arrays.h"

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/pretrained/checkpoint/packed_layout.h"
#include "experiments/pretrained/checkpoint/zarray.h"
#include "hwy/base.h"

namespace polarize {
namespace {

std::string AxisName(char letter) {
  switch (letter) {
    case 'L':
      return "layers";
    case 'D':
      return "embed_dim";
    case 'N':
      return "heads";
    case 'H':
      return "head_dim";
    case 'F':
      return "ffn_dim";
    case 'V':
      return "vocab";
    default:
      return std::string(1, letter);
  }
}

std::string AxesText(absl::string_view axes) {
  return absl::StrCat("[",
                      absl::StrJoin(axes, ", ",
                                    [](std::string* out, char letter) {
                                      absl::StrAppend(out, AxisName(letter));
                                    }),
                      "]");
}

// Sizes of letters, and the array that each was seen in first.
using Known = std::map<char, std::pair<uint64_t, const char*>>;

absl::Status TakeShape(const WeightArray& array,
                       absl::Span<const uint64_t> shape, Known& known) {
  const absl::string_view axes = array.axes;
  const auto error = [&](absl::string_view rule) {
    return absl::InvalidArgumentError(
        absl::StrCat("gda/model/", array.path, ": shape ", ZarrShapeText(shape),
                     " must be ", AxesText(axes), rule));
  };
  if (shape.size() != axes.size()) return error("");
  for (size_t i = 0; i < axes.size(); ++i) {
    if (shape[i] == 0 || shape[i] > kMostOfASize) {
      return error(", each from 1 to 2^24");
    }
    if (axes[i] == '3') {
      if (shape[i] != 3) return error("");
      continue;
    }
    const auto [at, is_new] =
        known.emplace(axes[i], std::make_pair(shape[i], array.path));
    if (!is_new && at->second.first != shape[i]) {
      return error(absl::StrCat(", and ", AxisName(axes[i]), " is ",
                                at->second.first, " in gda/model/",
                                at->second.second));
    }
  }
  return absl::OkStatus();
}

}  // namespace

const std::array<WeightArray, kWeightArrays>& WeightArrays() {
  static constexpr std::array<WeightArray, kWeightArrays> kArrays = {{
      {"decoder/emb/token_emb/weight", "VD", "embedding", false},
      {"decoder/output_norm/scale", "D", "output_norm", false},
      {"decoder/transformer/repeat/layer/self_attention/prenorm/scale", "LD",
       "attention_prenorm", false},
      {"decoder/transformer/repeat/layer/self_attention/postnorm/scale", "LD",
       "attention_postnorm", false},
      {"decoder/transformer/repeat/layer/self_attention/attention/i_proj/"
       "qkv_proj/weight",
       "L3DNH", "q", false},
      {"decoder/transformer/repeat/layer/self_attention/attention/o_proj/"
       "weight",
       "LDNH", "o", true},
      {"decoder/transformer/repeat/layer/self_attention/attention/scale_query/"
       "norm/scale",
       "LH", "query_norm", false},
      {"decoder/transformer/repeat/layer/self_attention/attention/scale_key/"
       "norm/scale",
       "LH", "key_norm", false},
      {"decoder/transformer/repeat/layer/feed_forward/prenorm/scale", "LD",
       "ffn_prenorm", false},
      {"decoder/transformer/repeat/layer/feed_forward/postnorm/scale", "LD",
       "ffn_postnorm", false},
      {"decoder/transformer/repeat/layer/feed_forward/linear1_0/weight", "LDF",
       "gate", false},
      {"decoder/transformer/repeat/layer/feed_forward/linear1_1/weight", "LDF",
       "up", false},
      {"decoder/transformer/repeat/layer/feed_forward/linear2/weight", "LFD",
       "down", false},
  }};
  return kArrays;
}

absl::StatusOr<PretrainedSizes> SizesFromShapes(
    absl::Span<const std::vector<uint64_t>> shapes) {
  HWY_ASSERT(shapes.size() == kWeightArrays);
  Known known;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const absl::Status status = TakeShape(WeightArrays()[i], shapes[i], known);
    if (!status.ok()) return status;
  }
  PretrainedSizes sizes;
  sizes.layers = known['L'].first;
  sizes.embed_dim = known['D'].first;
  sizes.heads = known['N'].first;
  sizes.head_dim = known['H'].first;
  sizes.ffn_dim = known['F'].first;
  sizes.vocab = known['V'].first;
  if (absl::Status status = CheckSizes(sizes); !status.ok()) return status;
  return sizes;
}

}  // namespace polarize
