// Prints the config that was compiled in: its shape, its file name, its text.
#include <cstdio>

#include "tools/tiny_experiment_embedded_config.h"
#include "tools/tiny_experiment_shape.h"

namespace shape = polarize::tiny_experiment_shape;

// The shape is known to the compiler.
static_assert(shape::kPositions == 6);
static_assert(shape::kHeadWidth == 8);
static_assert(!shape::kCausal);

int main() {
  std::printf("%s %s\n%s", shape::kAttentionType,
              polarize::kTinyExperimentConfigFile,
              polarize::kTinyExperimentConfigText);
}
