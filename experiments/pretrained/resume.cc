#include "experiments/pretrained/resume.h"

#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "experiments/run/file.h"
#include "experiments/run/fingerprint.h"
#include "experiments/run/safetensors.h"

namespace polarize {
namespace {

constexpr char kHidden[] = "hidden";
constexpr char kHeads[] = "heads";
constexpr char kResidual[] = "residual";
constexpr char kKey[] = "fingerprint_and_layers";

void AddBytes(const void* bytes, size_t n, Fingerprint* hash) {
  hash->Add({static_cast<const char*>(bytes), n});
}

void AddNumber(uint64_t n, Fingerprint* hash) { AddBytes(&n, sizeof n, hash); }

void AddText(absl::string_view text, Fingerprint* hash) {
  AddNumber(text.size(), hash);
  hash->Add(text);
}

// Doubles as the integers of the same bits: files of tensors are read as floats
// or integers.
void AppendBits(const std::vector<double>& values, std::vector<int64_t>& bits) {
  const size_t n = bits.size();
  bits.resize(n + values.size());
  if (values.empty()) return;
  std::memcpy(bits.data() + n, values.data(), values.size() * sizeof(double));
}

// Puts back `layers` layers of a statistic.
template <class Statistics>
absl::Status RestoreLayers(const SafetensorsFile& file, const char* name,
                           size_t layers, Statistics& statistics) {
  const size_t size = statistics.StateSize();
  std::vector<int64_t> bits(layers * size);
  const TensorInfo* const info = file.Find(name);
  if (info == nullptr || info->elements != bits.size()) {
    return absl::DataLossError(absl::StrCat(name, " is not of this run"));
  }
  const absl::Status status = file.Read(name, absl::MakeSpan(bits));
  if (!status.ok()) return status;
  std::vector<double> state(size);
  for (size_t l = 0; l < layers && size > 0; ++l) {
    std::memcpy(state.data(), bits.data() + l * size, size * sizeof(double));
    statistics.Restore(l, state);
  }
  return absl::OkStatus();
}

absl::StatusOr<size_t> LoadOpened(const SafetensorsFile& file,
                                  uint64_t fingerprint,
                                  const PretrainedState& state) {
  int64_t key[2];
  absl::Status status = file.Read(kKey, absl::MakeSpan(key));
  if (!status.ok()) return status;
  if (static_cast<uint64_t>(key[0]) != fingerprint) {
    return absl::FailedPreconditionError(
        "the state of a run with another config, other prompts, another model "
        "or instruction set");
  }
  const size_t most = state.forward.sizes().layers;
  if (key[1] < 1 || static_cast<uint64_t>(key[1]) >= most) {
    return absl::DataLossError(
        absl::StrCat(key[1], " layers of ", most, " cannot be done"));
  }
  const auto layers = static_cast<size_t>(key[1]);
  status = RestoreLayers(file, kHeads, layers, state.heads);
  if (status.ok()) {
    status = RestoreLayers(file, kResidual, layers, state.residual);
  }
  if (!status.ok()) return status;
  const absl::Span<float> hidden = state.forward.MutableHiddenOfAll();
  const TensorInfo* const info = file.Find(kHidden);
  if (info == nullptr || info->elements != hidden.size()) {
    return absl::DataLossError("hidden is not of this run");
  }
  status = file.Read(kHidden, hidden);
  if (!status.ok()) return status;
  return layers;
}

}  // namespace

uint64_t PretrainedFingerprint(absl::string_view config,
                               absl::string_view model,
                               const Prompts& prompts) {
  Fingerprint hash;
  AddText(config, &hash);
  AddText(model, &hash);
  for (size_t p = 0; p < prompts.size(); ++p) {
    const absl::Span<const int32_t> ids = prompts.ids(p);
    AddNumber(ids.size(), &hash);
    AddBytes(ids.data(), ids.size() * sizeof(int32_t), &hash);
  }
  return hash.value();
}

absl::Status SaveState(const std::string& path, uint64_t fingerprint,
                       size_t layers, const PretrainedState& state) {
  const int64_t key[2] = {static_cast<int64_t>(fingerprint),
                          static_cast<int64_t>(layers)};
  std::vector<int64_t> heads, residual;
  for (size_t l = 0; l < layers; ++l) {
    AppendBits(state.heads.State(l), heads);
    AppendBits(state.residual.State(l), residual);
  }
  const absl::Span<const float> hidden = state.forward.HiddenOfAll();
  const auto size = [](size_t n) {
    return std::vector<int64_t>{static_cast<int64_t>(n)};
  };
  return WriteSafetensors(path,
                          {{kKey, {2}, key},
                           {kHeads, size(heads.size()), heads.data()},
                           {kResidual, size(residual.size()), residual.data()},
                           {kHidden, size(hidden.size()), hidden.data()}});
}

absl::StatusOr<size_t> LoadState(const std::string& path, uint64_t fingerprint,
                                 const PretrainedState& state) {
  if (!PathExists(path)) return size_t{0};
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  const absl::StatusOr<size_t> layers =
      file.ok() ? LoadOpened(*file, fingerprint, state)
                : absl::StatusOr<size_t>(file.status());
  if (layers.ok()) return layers;
  return absl::Status(layers.status().code(),
                      absl::StrCat(path, ": ", layers.status().message(),
                                   "; --overwrite starts again without it"));
}

}  // namespace polarize
