#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kernels/base/random/mt19937.h"
#include "kernels/base/random/numpy_exp.h"
#include "kernels/base/random/numpy_random.h"
#include "kernels/base/random/python_random.h"
#include "kernels/base/random/torch_random.h"
#include "tests/support/golden.h"

namespace polarize {
namespace {

using Ints = std::vector<int64_t>;

constexpr uint32_t kRecordedSeeds[] = {0, 1, 42, 123};

Golden Recorded(uint32_t seed) {
  return Golden::Load("rng_vectors")["seeds"][std::to_string(seed)];
}

template <typename Draw>
Ints Draws(size_t n, Draw draw) {
  Ints values(n);
  for (int64_t& v : values) v = static_cast<int64_t>(draw());
  return values;
}

Ints Sample(PythonRandom& random, uint32_t n, size_t k) {
  std::vector<uint32_t> scratch(n), chosen(k);
  random.Sample(n, k, scratch.data(), chosen.data());
  return Ints(chosen.begin(), chosen.end());
}

Ints Bits(const std::vector<float>& values) {
  Ints bits;
  for (const float v : values) {
    uint32_t b;
    std::memcpy(&b, &v, sizeof(b));
    bits.push_back(b);
  }
  return bits;
}

Ints RandPerm(TorchRandom& random, size_t n) {
  std::vector<uint32_t> permutation(n);
  random.RandPerm(n, permutation.data());
  return Ints(permutation.begin(), permutation.end());
}

// Known values of the engine: words 1 and 10000 for the default seed (the C++
// standard names the latter), and the first two of mt19937ar.out.
TEST(Mt19937Test, IsTheMersenneTwister) {
  Mt19937 engine(5489);
  EXPECT_EQ(engine.U32(), 3499211612u);
  for (int i = 2; i < 10000; ++i) engine.U32();
  EXPECT_EQ(engine.U32(), 4123659995u);
  const uint32_t key[] = {0x123, 0x234, 0x345, 0x456};
  engine.InitByArray(key, 4);
  EXPECT_EQ(engine.U32(), 1067595299u);
  EXPECT_EQ(engine.U32(), 955945823u);
}

TEST(Mt19937Test, D53TakesTheHighWordFirst) {
  Mt19937 words(7), doubles(7);
  const uint64_t high = words.U32() >> 5, low = words.U32() >> 6;
  EXPECT_EQ(doubles.D53(), std::ldexp((high << 26) + low, -53));
}

TEST(PythonRandomTest, EqualsRecordedStreams) {
  for (const uint32_t seed : kRecordedSeeds) {
    SCOPED_TRACE(seed);
    const Golden recorded = Recorded(seed);
    PythonRandom random(seed);
    EXPECT_EQ(Draws(8, [&] { return random.GetRandBits(32); }),
              recorded["py_getrandbits32"].Ints());
    for (int i = 0; i < 3; ++i) {
      Ints tokens = Sample(random, 49, 10);  // of 1 .. 49
      for (int64_t& t : tokens) ++t;
      EXPECT_EQ(tokens, recorded["py_sample_49_10"][i].Ints());
    }
    EXPECT_EQ(Draws(16, [&] { return random.RandInt(0, 9); }),
              recorded["py_randint_0_9"].Ints());
    for (int i = 0; i < 8; ++i) {
      EXPECT_EQ(Sample(random, 4, 2), recorded["py_sample_labels"][i].Ints());
    }
    EXPECT_EQ(Draws(8, [&] { return random.Below(251); }),
              recorded["py_choice_251"].Ints());
    Ints shuffled(10);
    std::iota(shuffled.begin(), shuffled.end(), 0);
    random.Shuffle(shuffled.data(), shuffled.size());
    EXPECT_EQ(shuffled, recorded["py_shuffle10"].Ints());
    EXPECT_EQ(random.GetRandBits(32), recorded["py_next"].Int());
  }
}

// From CPython 3.11.7: random.seed(7), then these calls in this order. They
// stand on both sides of the population sizes where the method changes.
TEST(PythonRandomTest, SamplesAsCPythonDoes) {
  PythonRandom random(7);
  EXPECT_EQ(Sample(random, 86, 10),
            Ints({41, 19, 50, 83, 6, 9, 68, 12, 46, 74}));
  EXPECT_EQ(Sample(random, 85, 10),
            Ints({7, 64, 27, 4, 11, 55, 53, 8, 30, 80}));
  EXPECT_EQ(Sample(random, 1000, 5), Ints({564, 434, 60, 846, 579}));
  EXPECT_EQ(Sample(random, 22, 5), Ints({3, 7, 20, 18, 1}));
  EXPECT_EQ(Sample(random, 21, 5), Ints({18, 20, 12, 1, 7}));
  EXPECT_EQ(Sample(random, 300, 40),
            Ints({23,  285, 68,  148, 214, 73,  276, 60,  292, 157,
                  286, 92,  52,  297, 96,  190, 49,  280, 32,  288,
                  30,  105, 254, 272, 218, 160, 238, 299, 232, 185,
                  153, 127, 124, 41,  294, 268, 253, 175, 229, 147}));
  EXPECT_EQ(Sample(random, 30, 30),
            Ints({19, 2,  3, 16, 13, 5,  10, 4, 15, 25, 1, 28, 17, 23, 26,
                  11, 24, 9, 7,  12, 14, 29, 8, 18, 27, 0, 22, 6,  21, 20}));
  EXPECT_EQ(Draws(8, [&] { return random.RandInt(-3, 3); }),
            Ints({-1, 2, 0, 2, -1, -3, 0, -1}));
  EXPECT_EQ(random.Below(1), 0u);
  EXPECT_EQ(random.GetRandBits(1), 1u);
  EXPECT_EQ(random.GetRandBits(5), 3u);
  EXPECT_EQ(random.GetRandBits(31), 1060197637u);
  EXPECT_EQ(random.Below(4294967295u), 253207296u);
  EXPECT_EQ(random.GetRandBits(32), 937195259u);
}

// From CPython 3.11.7: random.seed(seed); random.getrandbits(32).
TEST(PythonRandomTest, SeedsOfOneAndTwoWords) {
  EXPECT_EQ(PythonRandom(0).GetRandBits(32), 3626764237u);
  EXPECT_EQ(PythonRandom(4294967295u).GetRandBits(32), 2728839433u);
  EXPECT_EQ(PythonRandom(4294967296u).GetRandBits(32), 485306839u);
  EXPECT_EQ(PythonRandom(12345678901234567890u).GetRandBits(32), 2199100970u);
}

TEST(PythonRandomTest, EdgesOfSampleAndShuffle) {
  PythonRandom random(3), untouched(3);
  EXPECT_EQ(Sample(random, 5, 0), Ints());
  int one = 8;
  random.Shuffle(&one, 1);
  random.Shuffle(&one, 0);
  EXPECT_EQ(one, 8);
  EXPECT_EQ(random.GetRandBits(32), untouched.GetRandBits(32));
  EXPECT_DEATH(Sample(random, 2, 3), "sample: 3 of 2");
}

TEST(NumpyRandomTest, EqualsRecordedStreams) {
  for (const uint32_t seed : kRecordedSeeds) {
    SCOPED_TRACE(seed);
    const Golden recorded = Recorded(seed);
    NumpyRandom random(seed);
    for (const double r : recorded["np_randn5"].Numbers()) {
      EXPECT_EQ(random.Randn(), r);
    }
    for (const double r : recorded["np_rand3"].Numbers()) {
      EXPECT_EQ(random.Rand(), r);
    }
    // The first of these was cached before the uniforms.
    for (const double r : recorded["np_randn4"].Numbers()) {
      EXPECT_EQ(random.Randn(), r);
    }
  }
}

TEST(NumpyRandomTest, SeedForgetsTheCachedNormal) {
  NumpyRandom random(42);
  const double first = random.Randn();
  random.Seed(42);
  EXPECT_EQ(random.Randn(), first);
}

TEST(TorchRandomTest, EqualsRecordedStreams) {
  for (const uint32_t seed : kRecordedSeeds) {
    SCOPED_TRACE(seed);
    const Golden recorded = Recorded(seed);
    TorchRandom random(seed);
    EXPECT_EQ(Draws(16, [&] { return random.RandInt(0, 4); }),
              recorded["t_randint4"].Ints());
    EXPECT_EQ(RandPerm(random, 10), recorded["t_randperm10"].Ints());
    EXPECT_EQ(random.Random63(), recorded["t_random63"].Int());
    std::vector<float> values(40);
    const float bound = 0.08838834764831845;
    random.UniformFill(-bound, bound, values.size(), values.data());
    EXPECT_EQ(Bits(values), recorded["t_uniform40_bits"].Ints());
    values.resize(64);
    random.NormalFill(values.size(), values.data());
    EXPECT_EQ(Bits(values), recorded["t_normal64_bits"].Ints());
    values.resize(37);
    random.NormalFill(values.size(), values.data());
    EXPECT_EQ(Bits(values), recorded["t_normal37_bits"].Ints());
    EXPECT_EQ(Draws(4, [&] { return random.RandInt(0, 1000003); }),
              recorded["t_next_u32_mod_1000003"].Ints());
    const Ints all = RandPerm(random, 100000);
    Ints ends(all.begin(), all.begin() + 16);
    ends.insert(ends.end(), all.end() - 4, all.end());
    EXPECT_EQ(ends, recorded["t_randperm100000_first16_last4"].Ints());
  }
}

TEST(TorchRandomTest, SeedIgnoresTheUpperHalf) {
  EXPECT_EQ(TorchRandom((7ull << 32) + 5).U32(), TorchRandom(5).U32());
}

TEST(TorchRandomTest, RandIntStartsAtFirst) {
  TorchRandom from_zero(11), shifted(11);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(shifted.RandInt(-5, 12), from_zero.RandInt(0, 17) - 5);
  }
}

TEST(TorchRandomTest, ShortPermutationsDrawNothing) {
  TorchRandom random(1), untouched(1);
  uint32_t one = 9;
  random.RandPerm(0, &one);
  EXPECT_EQ(one, 9u);
  random.RandPerm(1, &one);
  EXPECT_EQ(one, 0u);
  EXPECT_EQ(random.U32(), untouched.U32());
}

// Bounds that are not symmetric, and a width that is no power of 2: a separate
// multiply and add would round some of these values differently.
TEST(TorchRandomTest, UniformRoundsOnce) {
  TorchRandom random(2), words(2);
  const float from = -0.3f, to = 1.1f;
  std::vector<float> values(10000);
  random.UniformFill(from, to, values.size(), values.data());
  int rounded_twice = 0;
  for (const float v : values) {
    // Products of two floats are exact in double; the sum is then within half
    // an ulp of the double, far below that of the float.
    const double u = (words.U32() & 0xffffff) / 16777216.0;
    const double exact = u * static_cast<double>(to - from) + from;
    ASSERT_NEAR(v, exact, std::ldexp(std::abs(exact), -24) * (1 + 1e-8));
    const float product = static_cast<float>(u) * (to - from);
    rounded_twice += product + from != v;
  }
  EXPECT_GT(rounded_twice, 1000);
}

// The 7th word of this seed ends in 24 zero bits: a radius of -0. Adding the
// mean makes the two normals 0, as the last operation of PyTorch does.
TEST(TorchRandomTest, NormalsAreNeverNegativeZero) {
  constexpr uint64_t kSeed = 3109716;
  TorchRandom words(kSeed), random(kSeed);
  for (int i = 0; i < 6; ++i) words.U32();
  ASSERT_EQ(words.U32() & 0xffffff, 0u);
  std::vector<float> values(16);
  random.NormalFill(values.size(), values.data());
  EXPECT_EQ(Bits({values[6], values[14]}), Ints({0, 0}));
}

// Loose bounds on moments: they tell a wrong formula, not a wrong last bit.
TEST(TorchRandomTest, NormalsAreNormal) {
  TorchRandom random(5);
  std::vector<float> values(160000);
  random.NormalFill(values.size(), values.data());
  double sum = 0, squares = 0, fourth = 0;
  for (const double v : values) {
    sum += v;
    squares += v * v;
    fourth += v * v * v * v;
  }
  const double n = values.size();
  EXPECT_NEAR(sum / n, 0, 0.01);
  EXPECT_NEAR(squares / n, 1, 0.015);
  EXPECT_NEAR(fourth / n, 3, 0.1);
}

TEST(TorchRandomTest, FewNormalsAbort) {
  TorchRandom random(0);
  float values[15];
  EXPECT_DEATH(random.NormalFill(15, values), "normal fill of 15 values");
}

// Of NumPy 1.24.2 on a CPU with AVX-512; a quarter of the last bits are not
// those of the C library.
TEST(NumpyExpTest, EqualsNumpy) {
  const double recorded[][2] = {
      {-0x1.5f3d9abf6d752p+3, 0x1.1eefd73f7b61fp-16},
      {-0x1.c9b8a0338a900p+3, 0x1.4977f30b87dd6p-21},
      {-0x1.81c4c064a2b9ep+3, 0x1.86292f975daadp-18},
      {-0x1.5cb9a923c7b72p+3, 0x1.3666f2762d564p-16},
      {-0x1.0f239a31e295ap+3, 0x1.b65708846476ap-13},
      {-0x1.9d5f4a9ec0232p+3, 0x1.49571f00dc5a9p-19},
      {-0x1.6140000000000p+9, 0x1.aa5e1381de881p-1020},
      {0x0.0p+0, 0x1.0000000000000p+0},
      {-0x1.62e42fefa39efp-5, 0x1.ea4afa2a490dap-1},
      {0x1.5e20000000000p+9, 0x1.2fd8e4cbfa413p+1010},
      {0x1.56e1fc2f8f359p-997, 0x1.0000000000000p+0},
      {0x1.8000000000000p+1, 0x1.415e5bf6fb106p+4},
  };
  for (const auto& [x, y] : recorded) EXPECT_EQ(NumpyExp(x), y) << x;
  EXPECT_TRUE(std::isnan(NumpyExp(std::nan(""))));
}

}  // namespace
}  // namespace polarize
