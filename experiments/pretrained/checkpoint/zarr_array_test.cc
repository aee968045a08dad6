#include "experiments/pretrained/checkpoint/zarr_array.h"

#include <sys/stat.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/pretrained/checkpoint/arrays.h"
#include "experiments/pretrained/checkpoint/checkpoint_testing.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string NameOf(size_t array) {
  return absl::StrCat("gda/model/", WeightArrays()[array].path);
}

// All elements of an array, chunk by chunk; what no chunk held is NaN.
std::vector<float> ReadAll(const ZarrArray& array) {
  std::vector<float> values(array.zarray().Elements(), NAN);
  const size_t bytes = ElementBytes(array.zarray().type);
  for (uint64_t chunk = 0; chunk < array.zarray().ChunkCount(); ++chunk) {
    uint64_t elements = 0;
    const absl::Status status = array.ReadChunk(
        chunk, [&](uint64_t first, absl::Span<const char> piece) {
          EXPECT_LE(piece.size(), kMostPieceBytes);
          const size_t count = piece.size() / bytes;
          elements += count;
          ConvertElements(array.zarray().type, piece.data(), count,
                          PackedPrecision::kF32,
                          reinterpret_cast<char*>(&values.at(first)));
          return absl::OkStatus();
        });
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(elements, array.ElementsIn(chunk)) << chunk;
  }
  return values;
}

// Both checkpoints: grids along the model's axis alone, and grids that divide
// nothing, with '.' and '/', compressed and not.
TEST(ZarrArrayTest, ReadsWhatTensorStoreWrote) {
  for (const bool bf16 : {false, true}) {
    for (size_t i = 0; i < kWeightArrays; ++i) {
      const absl::StatusOr<ZarrArray> array = ZarrArray::Open(
          FixtureFolder(bf16 ? "bfloat16" : "float32"), NameOf(i));
      ASSERT_TRUE(array.ok()) << array.status();
      const std::vector<float> values = ReadAll(*array);
      ASSERT_GT(values.size(), 0u);
      for (size_t k = 0; k < values.size(); ++k) {
        const float exact = FixtureValue(i, k);
        ASSERT_EQ(values[k], bf16 ? RoundedToBF16(exact) : exact)
            << NameOf(i) << " " << k;
      }
    }
  }
}

TEST(ZarrArrayTest, TheFixturesCoverWhatTheyShould) {
  size_t uneven = 0, stored = 0, slashes = 0, several = 0;
  for (size_t i = 0; i < kWeightArrays; ++i) {
    const absl::StatusOr<ZarrArray> array =
        ZarrArray::Open(FixtureFolder("bfloat16"), NameOf(i));
    ASSERT_TRUE(array.ok()) << array.status();
    const Zarray& zarray = array->zarray();
    uint64_t covered =
        zarray.ChunkCount() * zarray.ChunkBytes() / ElementBytes(zarray.type);
    uneven += covered != zarray.Elements();
    stored += !zarray.zstd;
    slashes += zarray.separator == '/';
    several += zarray.ChunkCount() > 1;
  }
  EXPECT_GE(uneven, 4u);
  EXPECT_GE(stored, 1u);
  EXPECT_GE(slashes, 1u);
  EXPECT_GE(several, 6u);
}

// An array of whole numbers, counted on, in chunks of any shape, some of them
// longer than a piece.
class CountedArray {
 public:
  explicit CountedArray(const Zarray& zarray) : zarray_(zarray) {}

  std::string Chunk(uint64_t chunk) const {
    const std::vector<AxisRange> box = ChunkBox(zarray_, chunk);
    std::string bytes;
    std::vector<uint64_t> at(box.size(), 0);
    for (uint64_t i = 0; i * 4 < zarray_.ChunkBytes(); ++i) {
      uint64_t number = 0, rest = i;
      for (size_t k = box.size(); k-- > 0;) {
        at[k] = rest % zarray_.chunks[k];
        rest /= zarray_.chunks[k];
      }
      bool inside = true;
      for (size_t k = 0; k < box.size(); ++k) {
        inside &= box[k].begin + at[k] < zarray_.shape[k];
        number = number * zarray_.shape[k] + box[k].begin + at[k];
      }
      const uint32_t value = inside ? static_cast<uint32_t>(number) : ~0u;
      bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
    return bytes;
  }

  // Reads all chunks; whether every element came once, at its place.
  void Check() const {
    std::vector<int> seen(zarray_.Elements());
    for (uint64_t chunk = 0; chunk < zarray_.ChunkCount(); ++chunk) {
      const std::string bytes = Chunk(chunk);
      StringSource source(bytes);
      const absl::Status status =
          ReadChunkBytes(zarray_, chunk, source,
                         [&](uint64_t first, absl::Span<const char> piece) {
                           EXPECT_LE(piece.size(), kMostPieceBytes);
                           for (size_t i = 0; i < piece.size() / 4; ++i) {
                             uint32_t value;
                             std::memcpy(&value, piece.data() + 4 * i, 4);
                             EXPECT_EQ(value, first + i);
                             ++seen.at(first + i);
                           }
                           return absl::OkStatus();
                         });
      ASSERT_TRUE(status.ok()) << status;
    }
    for (const int times : seen) ASSERT_EQ(times, 1);
  }

 private:
  const Zarray zarray_;
};

TEST(ZarrArrayTest, EveryElementComesOnceAtItsPlace) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    Zarray zarray;
    zarray.type = ElementType::kU32;
    for (size_t axes = random() % 5; axes > 0; --axes) {
      zarray.shape.push_back(1 + random() % 7);
      // Often all of the axis; sometimes more.
      zarray.chunks.push_back(random() % 3 == 0 ? zarray.shape.back()
                                                : 1 + random() % 9);
    }
    SCOPED_TRACE(absl::StrCat(ZarrShapeText(zarray.shape), " in ",
                              ZarrShapeText(zarray.chunks)));
    CountedArray(zarray).Check();
    if (HasFailure()) return;
  }
}

TEST(ZarrArrayTest, LongRunsComeInPieces) {
  Zarray zarray;
  zarray.type = ElementType::kU32;
  zarray.shape = {2, 70000, 3};
  zarray.chunks = {2, 70000, 3};
  CountedArray(zarray).Check();
  zarray.chunks = {1, 69999, 3};
  CountedArray(zarray).Check();
  zarray.chunks = {2, 80000, 3};
  CountedArray(zarray).Check();
}

TEST(ZarrArrayTest, KeysHaveTheArraysSeparator) {
  const std::string root = FixtureFolder("bfloat16");
  const absl::StatusOr<ZarrArray> qkv = ZarrArray::Open(root, NameOf(4));
  ASSERT_TRUE(qkv.ok()) << qkv.status();
  EXPECT_EQ(qkv->Key(0), "0.0.0.0.0");
  EXPECT_EQ(qkv->Key(qkv->zarray().ChunkCount() - 1), "0.1.2.1.0");
  const absl::StatusOr<ZarrArray> down = ZarrArray::Open(root, NameOf(12));
  ASSERT_TRUE(down.ok()) << down.status();
  EXPECT_EQ(down->Key(4), "1/0/1");
}

// A copy of the float32 checkpoint, to be damaged.
class DamagedTest : public testing::Test {
 protected:
  DamagedTest() {
    CopyFolder(FixtureFolder("float32"), folder_.path() + "/c");
    path_ = absl::StrCat(folder_.path(), "/c/", name_, "/0.0.2.0.0");
  }

  std::string Error() const {
    const absl::StatusOr<ZarrArray> array =
        ZarrArray::Open(folder_.path() + "/c", name_);
    if (!array.ok()) return std::string(array.status().message());
    for (uint64_t chunk = 0; chunk < array->zarray().ChunkCount(); ++chunk) {
      const absl::Status status = array->ReadChunk(
          chunk,
          [](uint64_t, absl::Span<const char>) { return absl::OkStatus(); });
      if (!status.ok()) return std::string(status.message());
    }
    return "no error";
  }
  std::string Bytes() const { return *ReadFile(path_, 1 << 20); }
  void Write(const std::string& bytes) const {
    ASSERT_TRUE(WriteFileWhole(path_, bytes).ok());
  }

  const TestFolder folder_;
  const std::string name_ = NameOf(4);
  std::string path_;
};

TEST_F(DamagedTest, AMissingChunk) {
  ASSERT_EQ(remove(path_.c_str()), 0);
  EXPECT_THAT(Error(), AllOf(HasSubstr(name_ + ": chunk 0.0.2.0.0: "),
                             HasSubstr("No such file")));
  const absl::StatusOr<ZarrArray> array =
      ZarrArray::Open(folder_.path() + "/c", name_);
  ASSERT_TRUE(array.ok());
  EXPECT_FALSE((*array->FileBytes(2)).has_value());
  EXPECT_TRUE((*array->FileBytes(1)).has_value());
  // It stands for zeros.
  uint64_t zeros = 0;
  const auto count = [&](uint64_t, absl::Span<const char> piece) {
    for (const char c : piece) zeros += c == 0;
    return absl::OkStatus();
  };
  ASSERT_TRUE(array->ReadZeros(2, count).ok());
  EXPECT_EQ(zeros, array->ElementsIn(2) * 4);
}

TEST_F(DamagedTest, ATruncatedChunk) {
  const std::string bytes = Bytes();
  for (const size_t size :
       {size_t{0}, size_t{3}, bytes.size() / 2, bytes.size() - 1}) {
    Write(bytes.substr(0, size));
    EXPECT_THAT(Error(),
                AllOf(HasSubstr(name_ + ": chunk 0.0.2.0.0: "),
                      HasSubstr(size == 0 ? "ends after 0 bytes" : "cut off")))
        << size;
  }
}

TEST_F(DamagedTest, AChunkOfAnotherLength) {
  const uint64_t bytes = 2 * 3 * 3 * 4 * 4 * 4;
  Write(RepeatedFrame(0, bytes));
  EXPECT_EQ(Error(), "no error");
  Write(RepeatedFrame(0, bytes - 4));
  EXPECT_THAT(Error(), HasSubstr(name_ + ": chunk 0.0.2.0.0: ends after 1148 "
                                         "bytes in place of 1152"));
  Write(RepeatedFrame(0, bytes + 1));
  EXPECT_THAT(Error(), HasSubstr(name_ + ": chunk 0.0.2.0.0: goes on after"));
  Write(absl::StrCat(RepeatedFrame(0, bytes), RepeatedFrame(0, 1)));
  EXPECT_THAT(Error(), HasSubstr(name_ + ": chunk 0.0.2.0.0: goes on after"));
  Write(absl::StrCat(RepeatedFrame(0, 52), RepeatedFrame(0, bytes - 52)));
  EXPECT_EQ(Error(), "no error");
}

TEST_F(DamagedTest, AChunkOfAnotherFormat) {
  Write(std::string("\x1f\x8b\x08\x00garbage", 11));  // as gzip begins
  EXPECT_THAT(Error(), AllOf(HasSubstr(name_ + ": chunk 0.0.2.0.0: "),
                             HasSubstr("no zstd")));
  Write(Bytes() + "x");
  EXPECT_THAT(Error(), HasSubstr(name_ + ": chunk 0.0.2.0.0: "));
  ASSERT_EQ(remove(path_.c_str()), 0);
  ASSERT_EQ(mkdir(path_.c_str(), 0777), 0);
  EXPECT_THAT(Error(), HasSubstr("not a regular file"));
}

TEST_F(DamagedTest, TheMetadata) {
  path_ = absl::StrCat(folder_.path(), "/c/", name_, "/.zarray");
  Write("{}");
  EXPECT_THAT(Error(), AllOf(HasSubstr(name_ + ": "),
                             HasSubstr(".zarray: zarr_format: must be 2")));
  ASSERT_EQ(remove(path_.c_str()), 0);
  EXPECT_THAT(Error(), HasSubstr(name_ + ": there is no such array"));
}

TEST_F(DamagedTest, TheSinksErrorsStayAsTheyAre) {
  const absl::StatusOr<ZarrArray> array =
      ZarrArray::Open(folder_.path() + "/c", name_);
  ASSERT_TRUE(array.ok());
  const absl::Status status =
      array->ReadChunk(0, [](uint64_t, absl::Span<const char>) {
        return absl::CancelledError("enough");
      });
  EXPECT_EQ(status, absl::CancelledError("enough"));
}

}  // namespace
}  // namespace polarize
