#include "tools/figures/trends/metric_history.h"

#include <cmath>

#include "absl/status/status.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Complaint(const std::string& text,
                      const std::vector<std::string>& keys) {
  return std::string(
      ParseMetricHistory(text, "m.jsonl", keys).status().message());
}

TEST(MetricHistoryTest, ReadsWhatARunWrites) {
  const TestFolder folder;
  absl::StatusOr<MetricsLog> log = MetricsLog::Create(folder.path());
  ASSERT_TRUE(log.ok());
  ASSERT_TRUE(
      log->Write(0, 0, {{"1_0_entropy", 1.5}, {"1_1_entropy", 0.1}}).ok());
  ASSERT_TRUE(log->Write(1, 0, {{"train/step_loss", 7}}).ok());
  ASSERT_TRUE(log->Write(2, 0, {{"11_0_entropy", 9}}).ok());
  ASSERT_TRUE(
      log->Write(2, 0, {{"1_0_entropy", std::nan("")}, {"1_1_entropy", -3e-9}})
          .ok());
  ASSERT_TRUE(log->Finish().ok());
  const std::string path = folder.path() + "/metrics.jsonl";
  const auto history = ReadMetricHistory(path, {"1_1_entropy", "1_0_entropy"});
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_THAT(history->steps, ElementsAre(0, 2));
  ASSERT_EQ(history->values.size(), 2u);
  EXPECT_THAT(history->values[0], ElementsAre(0.1, -3e-9));
  EXPECT_EQ(history->values[1][0], 1.5);
  EXPECT_TRUE(std::isnan(history->values[1][1]));
  EXPECT_TRUE(absl::IsNotFound(
      ReadMetricHistory(folder.path() + "/none", {"a"}).status()));
}

TEST(MetricHistoryTest, OfTheSameStepTheLastLineCounts) {
  const auto history = ParseMetricHistory(
      "{\"step\":3,\"a\":1,\"b\":2}\n{\"step\":3,\"a\":5,\"b\":6}\n"
      "{\"step\":4,\"a\":7,\"b\":8}",
      "m", {"a", "b"});
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_THAT(history->steps, ElementsAre(3, 4));
  EXPECT_THAT(history->values,
              ElementsAre(ElementsAre(5, 7), ElementsAre(6, 8)));
}

TEST(MetricHistoryTest, ARunWithoutTheKeyIsEmpty) {
  const auto history =
      ParseMetricHistory("{\"step\":3,\"ab\":1}\n\n", "m", {"a"});
  ASSERT_TRUE(history.ok());
  EXPECT_TRUE(history->steps.empty());
  EXPECT_TRUE(ParseMetricHistory("", "m", {"a"})->steps.empty());
}

TEST(MetricHistoryTest, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(
      Complaint("{\"step\":1,\"a\":1}\n{\"step\":2,\"a\":1}", {"a", "b"}),
      HasSubstr("m.jsonl:1: no number 'b'"));
  EXPECT_THAT(Complaint("{\"x\":1}\n{\"a\":1}\n", {"a"}),
              HasSubstr("m.jsonl:2: no step"));
  EXPECT_THAT(Complaint("{\"step\":2,\"a\":1}\n{\"step\":1,\"a\":1}", {"a"}),
              HasSubstr("m.jsonl:2: no step, or one below"));
  EXPECT_THAT(Complaint("{\"step\":1,\"a\":\"x\"}\n", {"a"}),
              HasSubstr("m.jsonl:1: no number 'a'"));
  EXPECT_THAT(Complaint("{\"step\":1,\"a\":12", {"a"}),
              HasSubstr("m.jsonl:1: no number 'a'"));
  EXPECT_THAT(Complaint("{}", {}), HasSubstr("no keys"));
}

}  // namespace
}  // namespace polarize
