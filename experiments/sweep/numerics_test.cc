#include "experiments/sweep/numerics.h"

#include <set>
#include <string>

#include "experiments/sweep/section.h"
#include "gtest/gtest.h"
#include "kernels/base/isa.h"

namespace polarize {
namespace {

std::string Hash(std::string_view section, bool sharing,
                 const std::set<std::string>& precisions = {"\"FP32\""},
                 const std::set<std::string>& attention_types = {},
                 const std::set<std::string>& optimizers = {}) {
  const absl::StatusOr<std::string> hash = NumericsFingerprint(
      *MakeSection(section), sharing, precisions, attention_types, optimizers);
  EXPECT_TRUE(hash.ok()) << hash.status();
  return *hash;
}

TEST(NumericsTest, IsTheSameEveryTime) {
  for (const std::string_view section : SectionNames()) {
    EXPECT_EQ(Hash(section, true), Hash(section, true)) << section;
  }
}

// Instruction sets and row sharing sum in other orders.
TEST(NumericsTest, TellsApartWhatComputesOtherNumbers) {
  std::set<std::string> hashes;
  size_t n = 0;
  for (int64_t left = UsableTargets(); left != 0; left &= left - 1) {
    PinTarget(left & -left);
    for (const bool sharing : {false, true}) {
      hashes.insert(Hash("induction", sharing));
      ++n;
    }
  }
  PinTarget(0);
  EXPECT_EQ(hashes.size(), n);
  EXPECT_NE(Hash("induction", true), Hash("classification", true));
}

// bfloat16 products differ between machines that agree in float32.
TEST(NumericsTest, CountsAnotherPrecisionIfItIsUsed) {
  const std::string plain = Hash("induction", true);
  EXPECT_EQ(Hash("induction", true, {}), plain);
  EXPECT_NE(Hash("induction", true, {"\"BF16\""}), plain);
  EXPECT_EQ(Hash("induction", true, {"\"BF16\"", "\"FP32\""}),
            Hash("induction", true, {"\"BF16\""}));
}

// A folder that none of the newer kinds is in stays valid.
TEST(NumericsTest, CountsKindsBeyondThePaperIfTheyAreUsed) {
  const auto hash = [](const std::set<std::string>& kinds) {
    return Hash("induction", true, {}, kinds);
  };
  const std::string plain = hash({});
  EXPECT_EQ(hash({"\"softmax\"", "\"mlp_unnorm\""}), plain);
  EXPECT_NE(hash({"\"softmax_1\""}), plain);
  EXPECT_NE(hash({"\"softmax_1\""}), hash({"\"relu_norm\""}));
  EXPECT_EQ(hash({"\"softmax\"", "\"softmax_1\""}), hash({"\"softmax_1\""}));
}

TEST(NumericsTest, CountsAnotherOptimizerIfItIsUsed) {
  const auto hash = [](const std::set<std::string>& optimizers) {
    return Hash("induction", true, {}, {}, optimizers);
  };
  const std::string plain = hash({"\"adamw\""});
  EXPECT_EQ(hash({}), plain);
  EXPECT_NE(hash({"\"sgd\""}), plain);
  EXPECT_NE(hash({"\"sgd\""}), hash({"\"sign\""}));
  EXPECT_EQ(hash({"\"adamw\"", "\"sgd\""}), hash({"\"sgd\""}));
}

}  // namespace
}  // namespace polarize
