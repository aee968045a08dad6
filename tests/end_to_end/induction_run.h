// What the end-to-end tests of the induction experiment share: a small run, and
// its files read back.
#ifndef POLARIZE_TESTS_END_TO_END_INDUCTION_RUN_H_
#define POLARIZE_TESTS_END_TO_END_INDUCTION_RUN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/struct.pb.h"
#include "tests/support/program.h"

namespace polarize {

// The program with `settings` ("lr=1") over those of a run of 20 steps that
// takes a fraction of a second, and then `flags`. Pictures are not drawn.
ProgramCall SmallRun(const std::vector<std::string>& settings,
                     const std::vector<std::string>& flags);
constexpr int kSmallRunSteps = 20;
constexpr int kSmallRunStepsPerEpoch = 10;

// The program with these arguments alone. Pictures are not drawn.
ProgramCall Induction(const std::vector<std::string>& arguments);

// The whole of a file; a test failure if it cannot be read.
std::string Contents(const std::string& path);

// Both files have these bytes, and some. Prints neither, unlike EXPECT_EQ.
void ExpectSameBytes(const std::string& a, const std::string& b);

// Every file below a folder, by its path from there, sorted.
std::vector<std::string> FilesBelow(const std::string& folder);

// A line of metrics.jsonl. Values that are null are NaN.
struct MetricsLine {
  int64_t step = -1;
  int64_t epoch = -1;
  std::map<std::string, double> values;

  bool Has(const std::string& name) const { return values.count(name) > 0; }
};

// A test failure for each line that is not a whole JSON object.
std::vector<MetricsLine> ReadMetrics(const std::string& path);

// Lines with attention statistics; with the losses of steps; of epochs' ends.
std::vector<MetricsLine> StatisticsLines(const std::vector<MetricsLine>& all);
std::vector<MetricsLine> StepLines(const std::vector<MetricsLine>& all);
std::vector<MetricsLine> EpochLines(const std::vector<MetricsLine>& all);

// An object; a test failure, and none, for what is no JSON.
google::protobuf::Struct ReadJson(const std::string& path);
// Its members that are numbers; null is NaN.
std::map<std::string, double> Numbers(const google::protobuf::Struct& object);

// Everything under a final name can be read to its end: text protos, JSON,
// safetensors, pictures. A test failure names each file that cannot.
void ExpectWholeFiles(const std::string& folder);

// Without the lines that only say how far the run is.
std::vector<std::string> ErrorLines(absl::string_view err);

}  // namespace polarize

#endif  // POLARIZE_TESTS_END_TO_END_INDUCTION_RUN_H_
