#include "kernels/base/arena.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace polarize {
namespace {

struct Plan {
  explicit Plan(Arena& arena)
      : bytes(arena.Take<uint8_t>(3)),
        floats(arena.Take<float>(17)),
        nothing(arena.Take<double>(0)),
        doubles(arena.Take<double>(8)) {}
  uint8_t* bytes;
  float* floats;
  double* nothing;
  double* doubles;
};

TEST(Arena, MeasuresWhatTheSamePlanThenTakes) {
  Arena measure(nullptr, 0);
  const Plan measured(measure);
  EXPECT_EQ(measured.floats, nullptr);
  EXPECT_EQ(measure.used(), 64u + 128u + 0u + 64u);

  alignas(Arena::kAlignment) uint8_t block[256];
  ASSERT_EQ(measure.used(), sizeof(block));
  Arena arena(block, sizeof(block));
  const Plan plan(arena);
  EXPECT_EQ(arena.used(), measure.used());
  EXPECT_EQ(plan.bytes, block);
  EXPECT_EQ(reinterpret_cast<uint8_t*>(plan.floats), block + 64);
  EXPECT_EQ(reinterpret_cast<uint8_t*>(plan.doubles), block + 192);
}

TEST(ArenaDeathTest, AbortsWhenTheBlockIsFull) {
  alignas(Arena::kAlignment) uint8_t block[64];
  Arena arena(block, sizeof(block));
  arena.Take<float>(16);
  EXPECT_DEATH(arena.Take<uint8_t>(1), "128 bytes asked of 64");
}

}  // namespace
}  // namespace polarize
