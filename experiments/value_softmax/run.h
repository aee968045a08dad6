// Runs families, prints and writes: what the programs of section 3 do.
#ifndef POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_RUN_H_
#define POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_RUN_H_

namespace polarize {

// The program of one family of families.h: `family` names it, and it is the
// target //experiments/value_softmax:FAMILY.
int FamilyMain(const char* family, int argc, char** argv);

// The program of the section: every family but the phase diagram, which
// takes longer (under a minute), or the ones that --only names.
int SectionMain(int argc, char** argv);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_VALUE_SOFTMAX_RUN_H_
