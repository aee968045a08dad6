#include "experiments/pretrained/fetch/retry.h"

#include <vector>

#include "gtest/gtest.h"

namespace polarize {
namespace {

TEST(BackOffTest, DoublesUpToTheLongestWithJitter) {
  RetryPolicy policy;
  policy.first_wait = absl::Seconds(1);
  policy.longest_wait = absl::Seconds(10);
  EXPECT_EQ(BackOff(policy, 1, 1, absl::nullopt), absl::Seconds(1));
  EXPECT_EQ(BackOff(policy, 1, 0, absl::nullopt), absl::Milliseconds(500));
  EXPECT_EQ(BackOff(policy, 2, 1, absl::nullopt), absl::Seconds(2));
  EXPECT_EQ(BackOff(policy, 4, 1, absl::nullopt), absl::Seconds(8));
  EXPECT_EQ(BackOff(policy, 5, 1, absl::nullopt), absl::Seconds(10));
  EXPECT_EQ(BackOff(policy, 5, 0, absl::nullopt), absl::Seconds(5));
  EXPECT_EQ(BackOff(policy, 1000000, 1, absl::nullopt), absl::Seconds(10));
}

TEST(BackOffTest, IsNotShorterThanAsked) {
  const RetryPolicy policy;
  EXPECT_EQ(BackOff(policy, 1, 0.5, absl::Seconds(90)), absl::Seconds(90));
  EXPECT_GE(BackOff(policy, 5, 1, absl::ZeroDuration()), absl::Seconds(8));
}

TEST(ParseRetryAfterTest, SecondsAndDates) {
  const absl::Time now = absl::FromUnixSeconds(784111777);
  EXPECT_EQ(ParseRetryAfter("120", now), absl::Seconds(120));
  EXPECT_EQ(ParseRetryAfter(" 0 ", now), absl::ZeroDuration());
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:47 GMT", now),
            absl::Seconds(10));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:27 GMT", now),
            absl::ZeroDuration());
  for (const char* const text : {"", "soon", "-5", "1.5", "Sun, 06 Nov"}) {
    EXPECT_EQ(ParseRetryAfter(text, now), absl::nullopt) << text;
  }
}

class RetrierTest : public testing::Test {
 protected:
  Retrier Make(int attempts) {
    RetryPolicy policy;
    policy.attempts = attempts;
    return Retrier(
        policy,
        [this](absl::Duration wait, const absl::Status& failure) {
          waits_.push_back(wait);
          EXPECT_TRUE(absl::IsUnavailable(failure));
          return keep_on_;
        },
        /*seed=*/1);
  }

  static Attempt Failed(bool progress = false) {
    return {absl::UnavailableError("busy"), absl::nullopt, progress};
  }

  bool keep_on_ = true;
  std::vector<absl::Duration> waits_;
};

TEST_F(RetrierTest, SucceedsAfterFailures) {
  int calls = 0;
  EXPECT_TRUE(
      Make(3).Run([&] { return ++calls < 3 ? Failed() : Attempt(); }).ok());
  EXPECT_EQ(calls, 3);
  ASSERT_EQ(waits_.size(), 2u);
  EXPECT_GE(waits_[0], absl::Milliseconds(250));
  EXPECT_LE(waits_[0], absl::Milliseconds(500));
  EXPECT_GE(waits_[1], absl::Milliseconds(500));
  EXPECT_LE(waits_[1], absl::Seconds(1));
}

TEST_F(RetrierTest, GivesUpAndSaysWhy) {
  int calls = 0;
  const absl::Status status = Make(3).Run([&] {
    ++calls;
    return Failed();
  });
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(status.message(),
            "busy (the last of 3 attempts in a row that brought nothing)");
}

TEST_F(RetrierTest, ProgressStartsTheCountAgain) {
  int calls = 0;
  const absl::Status status = Make(3).Run([&] {
    ++calls;
    return Failed(/*progress=*/calls % 2 == 0 && calls < 20);
  });
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_EQ(calls, 20);
}

TEST_F(RetrierTest, OtherErrorsAreForGood) {
  int calls = 0;
  const absl::Status status = Make(3).Run([&] {
    ++calls;
    return Attempt{absl::NotFoundError("gone"), absl::nullopt, false};
  });
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_TRUE(waits_.empty());
}

TEST_F(RetrierTest, WaitsAsLongAsAskedButNotForEver) {
  int calls = 0;
  const absl::Status status = Make(9).Run([&] {
    Attempt attempt = Failed();
    attempt.retry_after = ++calls == 1 ? absl::Minutes(9) : absl::Minutes(11);
    return attempt;
  });
  EXPECT_TRUE(absl::IsUnavailable(status));
  ASSERT_EQ(waits_.size(), 1u);
  EXPECT_EQ(waits_[0], absl::Minutes(9));
}

TEST_F(RetrierTest, EndsWhenTheWaitIsEnded) {
  keep_on_ = false;
  EXPECT_TRUE(absl::IsCancelled(Make(9).Run([] { return Failed(); })));
  EXPECT_EQ(waits_.size(), 1u);
}

}  // namespace
}  // namespace polarize
