// Which source the program was built from.
#ifndef POLARIZE_EXPERIMENTS_RUN_BUILD_COMMIT_H_
#define POLARIZE_EXPERIMENTS_RUN_BUILD_COMMIT_H_

namespace polarize {

// The commit's hash, with "-dirty" behind it if tracked files had changed;
// "unknown" where the build could not ask git.
const char* BuildCommit();

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_RUN_BUILD_COMMIT_H_
