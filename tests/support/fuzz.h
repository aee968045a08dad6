// Feeds readers of files with damaged and hostile ones, until a number of them
// or a time is reached.
//
//   --executions=N --seconds=S   until one of them is reached; 0: no limit
//   --first=N                    the first seed, to repeat a failure alone
//
// Each execution has its own seed, which is on the screen when it crashes.
#ifndef POLARIZE_TESTS_SUPPORT_FUZZ_H_
#define POLARIZE_TESTS_SUPPORT_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace polarize {

using FuzzRandom = std::mt19937_64;

// From 0 to n - 1.
inline size_t Below(size_t n, FuzzRandom* random) { return (*random)() % n; }
inline bool Often(FuzzRandom* random) { return Below(2, random) == 0; }

// Half of the time one of those that formats give a meaning.
char RandomByte(FuzzRandom* random);

// One change to the bytes of a file: cut off, changed, left out, repeated, or
// one of `snippets` put in.
void ChangeBytes(absl::Span<const absl::string_view> snippets,
                 std::string* bytes, FuzzRandom* random);

// Calls `execute`, which tells whether the reader took what it was given, with
// one seed after the other: 20000 unless flags say otherwise. Prints how many
// there were. A failure of the test, if the process needed more memory than
// `most_kilobytes` at any time, or if among a thousand or more less than a
// twentieth was taken, or not taken: then one of both is not tested.
void Fuzz(long most_kilobytes, absl::FunctionRef<bool(uint64_t seed)> execute);

// What main() of such a test does: parses the flags, runs the tests.
int FuzzMain(int argc, char** argv);

}  // namespace polarize

#endif  // POLARIZE_TESTS_SUPPORT_FUZZ_H_
