// What fuzz tests of files have in common.
//
//   --executions=N --seconds=S   until one of them is reached; 0: no limit
//   --first=N                    the first seed, to repeat a failure alone
//
// Each execution has its own seed, which is on the screen when it crashes.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_FUZZ_TESTING_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_FUZZ_TESTING_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>

#include "absl/strings/string_view.h"

namespace polarize {

size_t Below(size_t n, std::mt19937_64* random);
bool Often(std::mt19937_64* random);
// Those that lengths, tags and UTF-8 are made of more often.
char RandomByte(std::mt19937_64* random);

// One change to the bytes of a file, which may be that `huge`, a field that
// claims to be so, is put in.
void ChangeBytes(absl::string_view huge, std::string* bytes,
                 std::mt19937_64* random);

// The test: calls execute(seed), which says whether the file that it made up
// was taken, as the flags say. Fails if few are or few are not, and if the
// process ever had more than `most_kilobytes` of memory.
void Fuzz(const std::function<bool(uint64_t)>& execute, long most_kilobytes);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_TEXT_FUZZ_TESTING_H_
