#include "experiments/model/weights.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/run/safetensors.h"

namespace polarize {
namespace {

std::vector<int64_t> Shape(const Parameter& parameter) {
  return std::vector<int64_t>(parameter.shape.begin(), parameter.shape.end());
}

// Tensors of the file that the model does not have.
absl::Status CheckNothingElse(const SafetensorsFile& file,
                              const Parameters& parameters) {
  std::set<std::string> names;
  for (const Parameter& p : parameters.list()) names.insert(p.name);
  for (const TensorInfo& tensor : file.tensors()) {
    if (names.count(tensor.name) == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          file.path(), ": tensor ", tensor.name, " ", ShapeText(tensor.shape),
          ": the model of this config has no such parameter"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteWeights(const std::string& path, const Parameters& parameters,
                          const float* array) {
  std::vector<TensorToWrite> tensors;
  for (const Parameter& p : parameters.list()) {
    tensors.push_back({p.name, Shape(p), array + p.offset});
  }
  return WriteSafetensors(path, tensors);
}

absl::Status ReadWeights(const std::string& path, const Parameters& parameters,
                         float* array) {
  absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(path);
  if (!file.ok()) return file.status();
  std::fill_n(array, parameters.array_size(), 0.0f);
  for (const Parameter& p : parameters.list()) {
    const absl::Status read = file->ReadWhole(
        p.name, Shape(p), absl::MakeSpan(array + p.offset, p.size));
    if (!read.ok()) return read;
  }
  return CheckNothingElse(*file, parameters);
}

}  // namespace polarize
