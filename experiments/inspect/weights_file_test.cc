#include "experiments/inspect/weights_file.h"

#include <limits>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(CompareTensors, SeesBits) {
  const std::vector<float> a = {0, 1, kNan, 3}, b = {-0.0f, 1, kNan, 3};
  const TensorComparison result = CompareTensors(a, b);
  EXPECT_EQ(result.different, 1u);
  EXPECT_EQ(result.first, 0u);
}

TEST(CompareTensors, FindsFirstAndLargest) {
  const std::vector<float> a = {0, 1, 2, 3}, b = {0, 1.5f, 4, 2.5f};
  const TensorComparison result = CompareTensors(a, b);
  EXPECT_EQ(result.different, 3u);
  EXPECT_EQ(result.first, 1u);
  EXPECT_EQ(result.largest, 2u);
}

TEST(CompareTensors, NanIsTheLargest) {
  const std::vector<float> a = {0, 1, 2}, b = {9, kNan, 100};
  EXPECT_EQ(CompareTensors(a, b).largest, 1u);
}

class CompareWeightsTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name,
                    const std::vector<TensorToWrite>& tensors) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_TRUE(WriteSafetensors(path, tensors).ok());
    return path;
  }

  const TestFolder folder_;
  std::vector<float> x_ = {1, 2, 3, 4, 5, 6}, y_ = {1, 2};
};

TEST_F(CompareWeightsTest, Same) {
  const std::string a =
      Write("a", {{"x", {2, 3}, x_.data()}, {"y", {2}, y_.data()}});
  const absl::StatusOr<WeightsComparison> result = CompareWeights(a, a);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->same());
  EXPECT_EQ(result->tensors, 2u);
}

TEST_F(CompareWeightsTest, NamesTensorsAndElements) {
  const std::string a =
      Write("a", {{"x", {2, 3}, x_.data()}, {"y", {2}, y_.data()}});
  x_[4] = 5.5f;
  y_[1] = 3;
  const std::string b =
      Write("b", {{"x", {2, 3}, x_.data()}, {"y", {2}, y_.data()}});
  const absl::StatusOr<WeightsComparison> result = CompareWeights(a, b);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->same());
  EXPECT_EQ(result->different, 2u);
  EXPECT_THAT(DifferenceText(*result->first),
              HasSubstr("x [1, 1]: 5 and 5.5, "));
  EXPECT_THAT(DifferenceText(*result->largest), HasSubstr("y [1]: 2 and 3, "));
}

TEST_F(CompareWeightsTest, OtherTensorsAreADifference) {
  const std::string a =
      Write("a", {{"x", {2, 3}, x_.data()}, {"y", {2}, y_.data()}});
  const std::string b =
      Write("b", {{"x", {3, 2}, x_.data()}, {"z", {2}, y_.data()}});
  const absl::StatusOr<WeightsComparison> result = CompareWeights(a, b);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->same());
  EXPECT_EQ(result->tensors, 0u);
  EXPECT_THAT(result->other_tensors, UnorderedElementsAre("x", "y", "z"));
}

TEST_F(CompareWeightsTest, ErrorsNameTheFile) {
  const std::string a = Write("a", {{"y", {2}, y_.data()}});
  const std::string none = folder_.path() + "/none";
  EXPECT_THAT(std::string(CompareWeights(a, none).status().message()),
              HasSubstr(none));
}

}  // namespace
}  // namespace polarize
