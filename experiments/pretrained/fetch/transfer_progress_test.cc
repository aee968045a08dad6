#include "experiments/pretrained/fetch/transfer_progress.h"

#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(FormatBytesTest, ThreeDigitsThatCount) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(999), "999 B");
  EXPECT_EQ(FormatBytes(1000), "1.00 kB");
  EXPECT_EQ(FormatBytes(999499), "999 kB");
  EXPECT_EQ(FormatBytes(999500), "1.00 MB");
  EXPECT_EQ(FormatBytes(26443038720), "26.4 GB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "18.4 EB");
}

TEST(RateMeterTest, LooksAtTheLastTenSeconds) {
  RateMeter rate;
  EXPECT_EQ(rate.BytesPerSecond(), 0);
  absl::Time now = absl::FromUnixSeconds(1000);
  rate.Add(now, 0);
  EXPECT_EQ(rate.BytesPerSecond(), 0);
  rate.Add(now, 5);
  EXPECT_EQ(rate.BytesPerSecond(), 0);
  uint64_t bytes = 5;
  for (int i = 0; i < 100; ++i) rate.Add(now += absl::Seconds(1), bytes += 100);
  EXPECT_NEAR(rate.BytesPerSecond(), 100, 1e-9);
  for (int i = 0; i < 11; ++i) rate.Add(now += absl::Seconds(1), bytes);
  EXPECT_EQ(rate.BytesPerSecond(), 0);
}

TEST(TransferLineTest, SaysWhatIsLeft) {
  TransferState state;
  state.bytes_done = 3000000000;
  state.bytes = 26000000000;
  state.files_done = 41;
  state.files = 212;
  state.bytes_per_second = 1e8;
  EXPECT_EQ(TransferLine(state),
            "3.00 GB of 26.0 GB  41 of 212 files  100 MB/s  3m 50s left");
  state.bytes_per_second = 0;
  EXPECT_EQ(TransferLine(state),
            "3.00 GB of 26.0 GB  41 of 212 files  0 B/s  n/a left");
}

}  // namespace
}  // namespace polarize
