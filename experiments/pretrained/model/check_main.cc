// The forward pass on a small model and prompts in files, for
// tools/peer/check_pretrained.py:
//
//   check FOLDER softmax|sigmoid F32|BF16 OUT [THREADS]
//
// reads FOLDER/layer_00.safetensors ... and embedding.safetensors, tensors as
// in layer_weights.h, and "ids" [prompts, positions] of ids.safetensors; writes
// what outputs.h says into OUT, which must be there, and hidden.safetensors
// with layer_LL [rows, D]: what that layer reads, of all prompts.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/pretrained/model/forward.h"
#include "experiments/pretrained/model/head_statistics.h"
#include "experiments/pretrained/model/outputs.h"
#include "experiments/pretrained/model/residual_statistics.h"
#include "experiments/run/safetensors.h"
#include "experiments/run/thread_team.h"

namespace polarize {
namespace {

// Ends the program with the error: this is a tool of a test.
template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(value);
}
void OrDie(const absl::Status& status) {
  OrDie(status.ok() ? absl::StatusOr<int>(0) : absl::StatusOr<int>(status));
}

// Values of tensors, with what reads them.
struct Tensors {
  explicit Tensors(const std::string& path)
      : file(OrDie(SafetensorsFile::Open(path))) {}

  absl::Span<const float> Values(const std::string& name) {
    const TensorInfo* const info = Info(name);
    kept.emplace_back(info->elements);
    OrDie(file.Read(name, absl::MakeSpan(kept.back())));
    return kept.back();
  }
  WeightMatrix Matrix(const std::string& name) {
    const TensorInfo* const info = Info(name);
    if (info->shape.size() != 2) {
      OrDie(absl::InvalidArgumentError(absl::StrCat(name, ": no matrix")));
    }
    WeightMatrix matrix;
    matrix.rows = static_cast<size_t>(info->shape[0]);
    matrix.cols = static_cast<size_t>(info->shape[1]);
    matrix.f32 = Values(name);
    return matrix;
  }
  const TensorInfo* Info(const std::string& name) {
    const TensorInfo* const info = file.Find(name);
    if (info == nullptr) OrDie(absl::NotFoundError(absl::StrCat("no ", name)));
    return info;
  }

  SafetensorsFile file;
  std::vector<std::vector<float>> kept;
};

LayerWeights LayerOf(Tensors& t) {
  LayerWeights layer;
  layer.attention_prenorm = t.Values("attention_prenorm");
  layer.attention_postnorm = t.Values("attention_postnorm");
  layer.query_norm = t.Values("query_norm");
  layer.key_norm = t.Values("key_norm");
  layer.ffn_prenorm = t.Values("ffn_prenorm");
  layer.ffn_postnorm = t.Values("ffn_postnorm");
  layer.q = t.Matrix("q");
  layer.k = t.Matrix("k");
  layer.v = t.Matrix("v");
  layer.o = t.Matrix("o");
  layer.gate = t.Matrix("gate");
  layer.up = t.Matrix("up");
  layer.down = t.Matrix("down");
  return layer;
}

Prompts PromptsOf(const std::string& path, size_t vocab) {
  Tensors file(path);
  const TensorInfo* const info = file.Info("ids");
  std::vector<int64_t> ids(info->elements);
  OrDie(file.file.Read("ids", absl::MakeSpan(ids)));
  const auto prompts = static_cast<size_t>(info->shape[0]);
  std::vector<std::vector<int32_t>> lists(prompts);
  for (size_t i = 0; i < ids.size(); ++i) {
    lists[i * prompts / ids.size()].push_back(static_cast<int32_t>(ids[i]));
  }
  return OrDie(Prompts::Create(lists, vocab));
}

std::string LayerName(size_t layer) {
  return absl::StrFormat("layer_%02d", layer);
}

void Run(const std::string& folder, const std::string& model,
         const std::string& precision, const std::string& out, size_t threads) {
  Tensors embedding(absl::StrCat(folder, "/embedding.safetensors"));
  const WeightMatrix table = embedding.Matrix("embedding");
  std::vector<Tensors> files;
  std::vector<LayerWeights> layers;
  for (size_t l = 0;; ++l) {
    const std::string path =
        absl::StrCat(folder, "/", LayerName(l), ".safetensors");
    if (l > 0 && !SafetensorsFile::Open(path).ok()) break;
    files.emplace_back(path);
    layers.push_back(LayerOf(files.back()));
  }
  PretrainedSizes sizes;
  sizes.layers = layers.size();
  sizes.embed_dim = table.cols;
  sizes.vocab = table.rows;
  sizes.head_dim = layers[0].query_norm.size();
  sizes.heads = layers[0].q.cols / sizes.head_dim;
  sizes.ffn_dim = layers[0].up.cols;
  ForwardOptions options;
  options.activation = model == "sigmoid" ? AlibiActivation::kSigmoid
                                          : AlibiActivation::kSoftmax;
  options.precision =
      precision == "BF16" ? ProductPrecision::kBF16 : ProductPrecision::kF32;
  options.threads = threads;
  const Prompts prompts =
      PromptsOf(absl::StrCat(folder, "/ids.safetensors"), sizes.vocab);
  const auto team = OrDie(ThreadTeam::Create(threads));
  const auto forward =
      OrDie(PretrainedForward::Create(sizes, options, prompts));
  OrDie(forward->Embed(table, *team));
  HeadStatistics heads(sizes, prompts);
  ResidualStatistics residual(sizes.layers, prompts);
  std::vector<std::vector<float>> hidden;
  std::vector<TensorToWrite> tensors;
  for (size_t l = 0; l < sizes.layers; ++l) {
    residual.Look(l, *forward, *team);
    hidden.emplace_back();
    for (size_t p = 0; p < prompts.size(); ++p) {
      const auto rows = forward->Hidden(p);
      hidden.back().insert(hidden.back().end(), rows.begin(), rows.end());
    }
    OrDie(forward->RunLayer(l, layers[l], &heads, *team));
    heads.FinishLayer(l);
  }
  for (size_t l = 0; l < sizes.layers; ++l) {
    tensors.push_back({LayerName(l),
                       {static_cast<int64_t>(prompts.rows()),
                        static_cast<int64_t>(sizes.embed_dim)},
                       hidden[l].data()});
  }
  OrDie(WriteSafetensors(absl::StrCat(out, "/hidden.safetensors"), tensors));
  OrDie(WriteOutputs(out, model, heads, residual));
}

}  // namespace
}  // namespace polarize

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::fprintf(stderr,
                 "use: %s FOLDER softmax|sigmoid F32|BF16 OUT [THREADS]\n",
                 argv[0]);
    return 2;
  }
  polarize::Run(argv[1], argv[2], argv[3], argv[4],
                argc == 6 ? static_cast<size_t>(std::atoi(argv[5])) : 1);
  return 0;
}
