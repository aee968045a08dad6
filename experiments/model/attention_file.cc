#include "experiments/model/attention_file.h"

#include <vector>

#include "experiments/run/safetensors.h"

namespace polarize {

absl::Status WriteAttentionMaps(
    const std::string& path, const KeptMaps& maps,
    absl::FunctionRef<const int32_t*(size_t)> tokens) {
  if (maps.sequences() == 0) return absl::OkStatus();
  std::vector<int32_t> read;
  for (size_t i = 0; i < maps.sequences(); ++i) {
    const int32_t* const sequence = tokens(i);
    read.insert(read.end(), sequence, sequence + maps.positions());
  }
  const auto sequences = static_cast<int64_t>(maps.sequences());
  const auto positions = static_cast<int64_t>(maps.positions());
  return WriteSafetensors(
      path, {{"attention",
              {sequences, static_cast<int64_t>(maps.layers()),
               static_cast<int64_t>(maps.heads()), positions, positions},
              maps.data()},
             {"tokens", {sequences, positions}, read.data()}});
}

}  // namespace polarize
