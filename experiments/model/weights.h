// A model's parameters as a file: the reference's state_dict names and layouts,
// in the safetensors format, so that PyTorch loads it.
#ifndef POLARIZE_EXPERIMENTS_MODEL_WEIGHTS_H_
#define POLARIZE_EXPERIMENTS_MODEL_WEIGHTS_H_

#include <string>

#include "absl/status/status.h"
#include "experiments/model/parameters.h"

namespace polarize {

// Writes every parameter; the file appears whole or not at all. array:
// parameters.array_size() elements.
absl::Status WriteWeights(const std::string& path, const Parameters& parameters,
                          const float* array);

// Fills array from a file that holds exactly these parameters in these shapes;
// types that safetensors.h converts are converted. On an error, which names the
// file and the tensor, array is unspecified.
absl::Status ReadWeights(const std::string& path, const Parameters& parameters,
                         float* array);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_MODEL_WEIGHTS_H_
