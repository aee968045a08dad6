#include "experiments/sweep/cell_text.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace polarize {
namespace {

// What Python 3's repr gives.
TEST(CellTextTest, FloatsAreSpelledAsPythonDoes) {
  EXPECT_EQ(FloatText(0), "0.0");
  EXPECT_EQ(FloatText(-0.0), "-0.0");
  EXPECT_EQ(FloatText(1), "1.0");
  EXPECT_EQ(FloatText(500), "500.0");
  EXPECT_EQ(FloatText(1e-2), "0.01");
  EXPECT_EQ(FloatText(1e-3), "0.001");
  EXPECT_EQ(FloatText(1e-4), "0.0001");
  EXPECT_EQ(FloatText(1e-5), "1e-05");
  EXPECT_EQ(FloatText(1.5e-7), "1.5e-07");
  EXPECT_EQ(FloatText(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(FloatText(-2.5), "-2.5");
  EXPECT_EQ(FloatText(1e15), "1000000000000000.0");
  EXPECT_EQ(FloatText(1e16), "1e+16");
  EXPECT_EQ(FloatText(9999999999999998.0), "9999999999999998.0");
  EXPECT_EQ(FloatText(std::numeric_limits<double>::max()),
            "1.7976931348623157e+308");
  EXPECT_EQ(FloatText(std::numeric_limits<double>::denorm_min()), "5e-324");
  EXPECT_EQ(FloatText(std::nan("")), "");
  EXPECT_EQ(FloatText(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(CellTextTest, EveryKindOfValue) {
  EXPECT_EQ(CellText(FlatValue{"a", "a", true}), "True");
  EXPECT_EQ(CellText(FlatValue{"a", "a", false}), "False");
  EXPECT_EQ(CellText(FlatValue{"a", "a", int64_t{-12}}), "-12");
  EXPECT_EQ(CellText(FlatValue{"a", "a", 4.0}), "4.0");
  EXPECT_EQ(CellText(FlatValue{"a", "a", std::string("softmax")}), "softmax");
  EXPECT_EQ(CellText(JsonScalar()), "");
  EXPECT_EQ(CellText(JsonScalar(0.25)), "0.25");
  EXPECT_EQ(CellText(JsonScalar(true)), "True");
}

}  // namespace
}  // namespace polarize
