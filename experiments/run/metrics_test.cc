#include "experiments/run/metrics.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "experiments/run/allocation_count.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class MetricsTest : public ::testing::Test {
 protected:
  absl::StatusOr<MetricsLog> Create() {
    return MetricsLog::Create(folder_.path(), [this] { return now_; });
  }
  std::string Read(const std::string& name) {
    return ReadFile(folder_.path() + "/" + name, 1 << 20).value_or("(none)");
  }

  TestFolder folder_;
  absl::Time now_ = absl::FromUnixSeconds(1700000000);
};

TEST_F(MetricsTest, OneObjectPerLine) {
  absl::StatusOr<MetricsLog> log = Create();
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_TRUE(log->Write(0, 0, {{"train/loss", 0.1}}).ok());
  ASSERT_TRUE(log->Write(1, 0, {{"z", std::nan("")}, {"a", 1.0 / 3}}).ok());
  ASSERT_TRUE(log->Write(2, 1, {}).ok());
  ASSERT_TRUE(log->Finish().ok());
  const std::string text = Read("metrics.jsonl");
  EXPECT_EQ(text,
            "{\"step\":0,\"epoch\":0,\"train/loss\":0.1}\n"
            "{\"step\":1,\"epoch\":0,\"z\":null,\"a\":0.3333333333333333}\n"
            "{\"step\":2,\"epoch\":1}\n");
  const std::vector<std::string> lines =
      absl::StrSplit(text, '\n', absl::SkipEmpty());
  EXPECT_EQ(lines.size(), 3u);
  for (const std::string& line : lines) {
    google::protobuf::Struct read;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &read).ok());
    EXPECT_EQ(read.fields().count("step"), 1u);
  }
  const std::vector<std::string> names = NamesIn(folder_.path());
  EXPECT_THAT(names, ElementsAre(StartsWith("events.out.tfevents.1700000000."),
                                 "metrics.jsonl"));
  EXPECT_THAT(Read(names[0]), HasSubstr("train/loss"));
}

TEST_F(MetricsTest, WritesOutEveryFewSeconds) {
  absl::StatusOr<MetricsLog> log = Create();
  ASSERT_TRUE(log.ok()) << log.status();
  ASSERT_TRUE(log->Write(0, 0, {{"x", 1}}).ok());
  EXPECT_EQ(Read("metrics.jsonl.partial"), "");
  now_ += absl::Seconds(5);
  ASSERT_TRUE(log->Write(1, 0, {{"x", 2}}).ok());
  const std::string two =
      "{\"step\":0,\"epoch\":0,\"x\":1}\n{\"step\":1,\"epoch\":0,\"x\":2}\n";
  EXPECT_EQ(Read("metrics.jsonl.partial"), two);
  ASSERT_TRUE(log->Write(2, 0, {{"x", 3}}).ok());
  EXPECT_EQ(Read("metrics.jsonl.partial"), two);
  ASSERT_TRUE(log->Flush().ok());
  EXPECT_THAT(Read("metrics.jsonl.partial"), HasSubstr("\"step\":2"));
  EXPECT_EQ(Read("metrics.jsonl"), "(none)");
}

TEST_F(MetricsTest, AFullDiskIsAnErrorThatNamesTheFile) {
  absl::StatusOr<MetricsLog> log = Create();
  ASSERT_TRUE(log.ok()) << log.status();
  const FileSizeLimit limit(100);
  for (int step = 0; step < 20; ++step) {
    ASSERT_TRUE(log->Write(step, 0, {{"x", 1}}).ok());
  }
  const absl::Status status = log->Flush();
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("metrics.jsonl.partial"));
  EXPECT_FALSE(log->Finish().ok());
  EXPECT_EQ(Read("metrics.jsonl"), "(none)");
}

TEST_F(MetricsTest, TwoRunsDoNotShareAFolder) {
  const absl::StatusOr<MetricsLog> log = Create();
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(Create().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(MetricsTest, WritingAllocatesNothingAfterTheFirstTime) {
  absl::StatusOr<MetricsLog> log = Create();
  ASSERT_TRUE(log.ok()) << log.status();
  const NamedValue values[] = {{"train/loss, with a long name", 1.0 / 3},
                               {"0_0_rel_attn_bos_global", -1e-300 / 3}};
  ASSERT_TRUE(log->Write(1000000, 10, values).ok());
  ResetAllocations();
  for (int step = 0; step < 3000; ++step) {
    now_ += absl::Milliseconds(10);
    if (!log->Write(step, 1, values).ok()) FAIL();
  }
  EXPECT_EQ(AllocationCount(), 0u);
  EXPECT_TRUE(log->Finish().ok());
}

}  // namespace
}  // namespace polarize
