#include "experiments/run/flat_config.h"

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "experiments/run/config_test.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;

TEST(FlatConfigTest, NamesAreShortWhereTheyAreUnique) {
  std::vector<std::string> keys, paths;
  for (const FlatValue& value : FlatConfig(LoadingTestConfig())) {
    keys.push_back(value.key);
    paths.push_back(value.path);
  }
  EXPECT_THAT(keys, ElementsAre("count", "count64", "ucount", "ucount64",
                                "ratio", "label", "colour", "inner.size",
                                "rate", "other.size", "fast"));
  EXPECT_EQ(paths[8], "inner.rate");
  EXPECT_EQ(paths[10], "other.fast");
}

TEST(FlatConfigTest, ValuesKeepTheirKind) {
  LoadingTestConfig config;
  config.set_count(-2);
  config.set_ucount64(~uint64_t{0});
  config.set_label("a b");
  config.mutable_inner()->set_rate(1e-3);
  config.mutable_other()->set_fast(false);
  std::map<std::string, FlatValue> values;
  for (const FlatValue& value : FlatConfig(config)) values[value.key] = value;
  EXPECT_EQ(std::get<int64_t>(values["count"].value), -2);
  EXPECT_EQ(std::get<int64_t>(values["count64"].value), 8);  // the default
  EXPECT_EQ(std::get<int64_t>(values["ucount"].value), 9);
  EXPECT_EQ(std::get<std::string>(values["ucount64"].value),
            "18446744073709551615");
  EXPECT_EQ(std::get<double>(values["ratio"].value), 0.25);
  EXPECT_EQ(std::get<std::string>(values["label"].value), "a b");
  EXPECT_EQ(std::get<std::string>(values["colour"].value), "BLUE");
  EXPECT_EQ(std::get<double>(values["rate"].value), 1e-3);
  EXPECT_FALSE(std::get<bool>(values["fast"].value));
  EXPECT_EQ(std::get<int64_t>(values["other.size"].value), 5);
}

}  // namespace
}  // namespace polarize
