// The families of runs of section 3 by name, each a text file in this folder.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FAMILIES_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FAMILIES_H_

#include <string>
#include <string_view>

#include "absl/types/span.h"
#include "experiments/run/config_text.h"

namespace polarize {

struct Family {
  std::string name;
  ConfigText text;  // as it was when the program was built
  // Whether the command that runs the section runs it: a few seconds each.
  bool in_section;
};

absl::Span<const Family> Families();

// nullptr if there is none of this name.
const Family* FindFamily(std::string_view name);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_FAMILIES_H_
