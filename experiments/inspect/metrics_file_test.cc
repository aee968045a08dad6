#include "experiments/inspect/metrics_file.h"

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;

RecordedMetrics Parsed(const std::string& text) {
  const absl::StatusOr<RecordedMetrics> metrics =
      ParseMetrics(text, "m.jsonl", /*partial=*/false);
  EXPECT_TRUE(metrics.ok()) << metrics.status();
  return metrics.ok() ? *metrics : RecordedMetrics();
}

std::string ErrorOf(const std::string& text, bool partial = false) {
  return std::string(ParseMetrics(text, "m.jsonl", partial).status().message());
}

constexpr char kThree[] =
    "{\"step\":0,\"epoch\":0,\"eval/loss\":2.5,\"acc\":0}\n"
    "{\"step\":1,\"epoch\":1,\"train/step_loss\":2.25}\n"
    "{\"step\":1,\"epoch\":1,\"eval/loss\":2,\"acc\":null}\n";

TEST(ParseMetrics, KeepsLinesAndTheirOrder) {
  const RecordedMetrics metrics = Parsed(kThree);
  EXPECT_THAT(metrics.steps, testing::ElementsAre(0, 1, 1));
  ASSERT_EQ(metrics.metrics.size(), 8u);
  EXPECT_EQ(metrics.metrics[1].name, "eval/loss");  // not sorted by name
  EXPECT_EQ(metrics.metrics[2].name, "acc");
  EXPECT_EQ(metrics.metrics[4].name, "train/step_loss");
  EXPECT_EQ(metrics.metrics[4].line, 2u);
  EXPECT_EQ(metrics.metrics[4].step, 1);
  EXPECT_EQ(ScalarText(metrics.metrics[4].value), "2.25");
  EXPECT_EQ(ScalarText(metrics.metrics[7].value), "null");
}

TEST(ParseMetrics, ErrorsNameFileAndLine) {
  EXPECT_THAT(ErrorOf("{\"step\":0}\nnonsense\n"), HasSubstr("m.jsonl:2: "));
  EXPECT_THAT(ErrorOf("{\"epoch\":0}\n"), HasSubstr("m.jsonl:1: step"));
  EXPECT_THAT(ErrorOf("{\"step\":-1}\n"), HasSubstr("m.jsonl:1: step"));
  EXPECT_THAT(ErrorOf("{\"step\":0.5}\n"), HasSubstr("m.jsonl:1: step"));
  EXPECT_THAT(ErrorOf("{\"step\":1e300}\n"), HasSubstr("m.jsonl:1: step"));
  EXPECT_THAT(ErrorOf("{\"step\":0}\n{\"step\":1"), HasSubstr("m.jsonl:2: "));
}

TEST(ParseMetrics, ABrokenRunMayEndInTheMiddleOfALine) {
  const absl::StatusOr<RecordedMetrics> metrics =
      ParseMetrics("{\"step\":0}\n{\"step\":1", "m", /*partial=*/true);
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_EQ(metrics->steps.size(), 1u);
  EXPECT_THAT(ErrorOf("x\n{\"step\":1", true), HasSubstr("m.jsonl:1: "));
}

TEST(ReadRecordedMetrics, TakesWhatABrokenRunLeft) {
  const TestFolder test_folder;
  const std::string& folder = test_folder.path();
  absl::StatusOr<std::optional<RecordedMetrics>> read =
      ReadRecordedMetrics(folder);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE(read->has_value());
  ASSERT_TRUE(
      WriteFileWhole(folder + "/metrics.jsonl.partial", "{\"step\":3}\n").ok());
  read = ReadRecordedMetrics(folder);
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_TRUE((*read)->partial);
  ASSERT_TRUE(WriteFileWhole(folder + "/metrics.jsonl", "{\"step\":4}\n").ok());
  read = ReadRecordedMetrics(folder);
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_FALSE((*read)->partial);
  EXPECT_EQ((*read)->steps[0], 4);
}

TEST(CompareMetrics, FindsNothingInEqualOnes) {
  const MetricsComparison result =
      CompareMetrics(Parsed(kThree), Parsed(kThree));
  EXPECT_TRUE(result.same());
  EXPECT_EQ(result.shared, 8u);
  EXPECT_EQ(result.equal_lines, 3u);
}

TEST(CompareMetrics, NamesTheFirstInTheOrderOfLines) {
  const MetricsComparison result = CompareMetrics(
      Parsed(kThree),
      Parsed("{\"step\":0,\"epoch\":0,\"eval/loss\":2.5,\"acc\":0}\n"
             "{\"step\":1,\"epoch\":1,\"train/step_loss\":2.25}\n"
             "{\"step\":1,\"epoch\":1,\"eval/loss\":1.5,\"acc\":1}\n"));
  EXPECT_FALSE(result.same_shared());
  EXPECT_EQ(result.different, 2u);
  EXPECT_EQ(result.equal_lines, 2u);
  ASSERT_TRUE(result.first.has_value());
  EXPECT_EQ(DifferenceText(*result.first),
            "step 1, eval/loss: 2 (line 3) and 1.5 (line 3), difference -0.5");
}

TEST(CompareMetrics, SeesTheLastBit) {
  const MetricsComparison result =
      CompareMetrics(Parsed("{\"step\":0,\"a\":0.1}\n"),
                     Parsed("{\"step\":0,\"a\":0.10000000000000002}\n"));
  EXPECT_EQ(result.different, 1u);
}

TEST(CompareMetrics, PairsValuesOfAStepWhereverTheyStand) {
  const MetricsComparison result = CompareMetrics(
      Parsed("{\"step\":0,\"a\":1}\n{\"step\":2,\"a\":3}\n"),
      Parsed("{\"step\":0,\"a\":1}\n{\"step\":1,\"a\":2}\n{\"step\":2,\"a\":3,"
             "\"b\":4}\n"));
  EXPECT_TRUE(result.same_shared());
  EXPECT_FALSE(result.same());
  EXPECT_EQ(result.shared, 2u);
  EXPECT_EQ(result.only_a, 0u);
  EXPECT_EQ(result.only_b, 2u);
  ASSERT_TRUE(result.first_only_b.has_value());
  EXPECT_EQ(result.first_only_b->step, 1);
}

TEST(CompareMetrics, CountsRepeatedNames) {
  const std::string twice = "{\"step\":1,\"a\":1}\n{\"step\":1,\"a\":2}\n";
  EXPECT_TRUE(CompareMetrics(Parsed(twice), Parsed(twice)).same());
  const MetricsComparison less =
      CompareMetrics(Parsed(twice), Parsed("{\"step\":1,\"a\":1}\n"));
  EXPECT_EQ(less.only_a, 1u);
  EXPECT_EQ(less.first_only_a->line, 2u);
  EXPECT_EQ(less.equal_lines, 1u);
}

TEST(CompareMetrics, NullIsNoNumber) {
  const MetricsComparison result = CompareMetrics(
      Parsed("{\"step\":0,\"a\":null}\n"), Parsed("{\"step\":0,\"a\":0}\n"));
  ASSERT_EQ(result.different, 1u);
  EXPECT_EQ(DifferenceText(*result.first),
            "step 0, a: null (line 1) and 0 (line 1)");
}

TEST(UpToStep, LeavesLaterLinesOut) {
  const RecordedMetrics some = UpToStep(Parsed(kThree), 0);
  EXPECT_EQ(some.steps.size(), 1u);
  EXPECT_EQ(some.metrics.size(), 3u);
  EXPECT_EQ(UpToStep(Parsed(kThree), 1).steps.size(), 3u);
}

}  // namespace
}  // namespace polarize
