// The attention of a run's first evaluation sequences, as a file.
#ifndef POLARIZE_EXPERIMENTS_MODEL_ATTENTION_FILE_H_
#define POLARIZE_EXPERIMENTS_MODEL_ATTENTION_FILE_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "experiments/model/attention_statistics.h"

namespace polarize {

// Writes the tensors attention (sequence, layer, head, q, k), float32, and
// tokens (sequence, position), int32; the file appears whole or not at all.
// tokens(i): the positions() tokens that the model read of kept sequence i.
// Without kept sequences nothing is written.
absl::Status WriteAttentionMaps(
    const std::string& path, const KeptMaps& maps,
    absl::FunctionRef<const int32_t*(size_t)> tokens);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_ATTENTION_FILE_H_
