// The programs of this folder: one for each of its configs.
#ifndef POLARIZE_EXPERIMENTS_INDUCTION_PROGRAM_H_
#define POLARIZE_EXPERIMENTS_INDUCTION_PROGRAM_H_

#include <string_view>

namespace polarize {

// Runs the config NAME.textproto, or the one that flags name, as main() does.
int InductionMain(std::string_view name, int argc, char** argv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_INDUCTION_PROGRAM_H_
