#include "experiments/run/safetensors.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/run/allocation_count.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string FileBytes(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(&bytes[0], &length, 8);
  return bytes + header + data;
}

template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()),
                     values.size() * sizeof(T));
}

class SafetensorsTest : public ::testing::Test {
 protected:
  std::string Path() const { return folder_.path() + "/t.safetensors"; }

  absl::StatusOr<SafetensorsFile> OpenBytes(const std::string& bytes) {
    // Neither fsync nor O_TRUNC: file systems wait for the disk after both,
    // which is long for thousands of cases.
    const int fd = open(Path().c_str(), O_WRONLY | O_CREAT, 0666);
    EXPECT_EQ(write(fd, bytes.data(), bytes.size()),
              static_cast<ssize_t>(bytes.size()));
    EXPECT_EQ(ftruncate(fd, static_cast<off_t>(bytes.size())), 0);
    EXPECT_EQ(close(fd), 0);
    return SafetensorsFile::Open(Path());
  }

  // Why a file with this header and so many bytes of data is refused.
  std::string Refusal(const std::string& header, size_t data_bytes) {
    const absl::Status status =
        OpenBytes(FileBytes(header, std::string(data_bytes, '\0'))).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << header;
    EXPECT_THAT(std::string(status.message()), HasSubstr(Path()));
    return std::string(status.message());
  }

  absl::Status WriteSample() {
    return WriteSafetensors(Path(),
                            {{"weight", {2, 3}, weight_.data()},
                             {"empty", {0, 4}, static_cast<float*>(nullptr)},
                             {"layers.0.bias", {}, bias_.data()},
                             {"odd \"name\"", {3}, ids_.data()},
                             {"steps", {1, 2}, steps_.data()}});
  }

  TestFolder folder_;
  const std::vector<float> weight_ = {
      0.1f, -2, 3e-45f, std::numeric_limits<float>::infinity(), -0.0f, 6};
  const std::vector<float> bias_ = {7.5f};
  const std::vector<int32_t> ids_ = {-1, 0, 2147483647};
  const std::vector<int64_t> steps_ = {int64_t{1} << 60, -5};
};

TEST_F(SafetensorsTest, ReadsBackWhatWasWritten) {
  ASSERT_TRUE(WriteSample().ok());
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(Path());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata(),
            (std::map<std::string, std::string>{{"format", "pt"}}));
  std::vector<std::string> names;
  for (const TensorInfo& tensor : file->tensors()) names.push_back(tensor.name);
  EXPECT_THAT(names, ElementsAre("weight", "empty", "layers.0.bias",
                                 "odd \"name\"", "steps"));
  EXPECT_EQ(file->Find("weight")->dtype, "F32");
  EXPECT_THAT(file->Find("weight")->shape, ElementsAre(2, 3));
  EXPECT_EQ(file->Find("empty")->elements, 0u);
  EXPECT_EQ(file->Find("layers.0.bias")->elements, 1u);
  EXPECT_EQ(file->Find("none"), nullptr);

  std::vector<float> weight(6);
  ASSERT_TRUE(file->ReadWhole("weight", {2, 3}, absl::MakeSpan(weight)).ok());
  EXPECT_EQ(BytesOf(weight), BytesOf(weight_));
  std::vector<float> part(2);
  ASSERT_TRUE(file->Read("weight", absl::MakeSpan(part), 1).ok());
  EXPECT_THAT(part, ElementsAre(weight_[1], weight_[2]));
  std::vector<int64_t> ids(3);
  ASSERT_TRUE(file->Read("odd \"name\"", absl::MakeSpan(ids)).ok());
  EXPECT_THAT(ids, ElementsAre(-1, 0, 2147483647));
  std::vector<int64_t> step(1);
  ASSERT_TRUE(file->Read("steps", absl::MakeSpan(step), 1).ok());
  EXPECT_THAT(step, ElementsAre(-5));
}

TEST_F(SafetensorsTest, WritesTheSameBytesAsTheFormatSays) {
  ASSERT_TRUE(WriteSafetensors(Path(), {{"a", {2}, weight_.data()},
                                        {"b", {1}, steps_.data()}})
                  .ok());
  std::string header =
      R"({"__metadata__":{"format":"pt"},)"
      R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  EXPECT_EQ(ReadFile(Path(), 10000).value(),
            FileBytes(header, BytesOf<float>({weight_[0], weight_[1]}) +
                                  BytesOf<int64_t>({steps_[0]})));
  EXPECT_THAT(NamesIn(folder_.path()), ElementsAre("t.safetensors"));
}

TEST_F(SafetensorsTest, AFileOfNoTensorsIsFine) {
  ASSERT_TRUE(WriteSafetensors(Path(), {}).ok());
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(Path());
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->tensors().empty());
}

TEST_F(SafetensorsTest, WriteRefusesWhatNobodyCouldRead) {
  const float* data = weight_.data();
  absl::Status twice =
      WriteSafetensors(Path(), {{"a", {1}, data}, {"a", {1}, data}});
  EXPECT_THAT(std::string(twice.message()), HasSubstr("'a': a second one"));
  EXPECT_FALSE(WriteSafetensors(Path(), {{"__metadata__", {1}, data}}).ok());
  absl::Status shape = WriteSafetensors(Path(), {{"a", {-1}, data}});
  EXPECT_THAT(std::string(shape.message()), HasSubstr("[-1]"));
  EXPECT_FALSE(WriteSafetensors(
                   Path(), {{"a", {int64_t{1} << 40, int64_t{1} << 40}, data}})
                   .ok());
  EXPECT_TRUE(NamesIn(folder_.path()).empty());
}

TEST_F(SafetensorsTest, FullDiskLeavesTheOldFile) {
  ASSERT_TRUE(WriteFileWhole(Path(), "old").ok());
  const std::vector<float> big(1000);
  {
    const FileSizeLimit limit(2000);
    const absl::Status status =
        WriteSafetensors(Path(), {{"a", {1000}, big.data()}});
    EXPECT_THAT(std::string(status.message()), HasSubstr(Path()));
    EXPECT_FALSE(status.ok());
  }
  EXPECT_EQ(ReadFile(Path(), 100).value(), "old");
  EXPECT_THAT(NamesIn(folder_.path()), ElementsAre("t.safetensors"));
}

TEST_F(SafetensorsTest, ReadsOtherFloatTypesAsFloat) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::string header =
      R"({"h":{"dtype":"F16","shape":[9],"data_offsets":[0,18]},)"
      R"("b":{"dtype":"BF16","shape":[3],"data_offsets":[18,24]},)"
      R"("d":{"dtype":"F64","shape":[3],"data_offsets":[24,48]}})";
  const std::string data =
      BytesOf<uint16_t>({0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0xBC00, 0x7BFF,
                         0x7C00, 0x7E00}) +
      BytesOf<uint16_t>({0x3F80, 0xFF80, 0x0001}) +
      BytesOf<double>({1.0 / 3, 1e300, -2});
  const absl::StatusOr<SafetensorsFile> file =
      OpenBytes(FileBytes(header, data));
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<float> half(9);
  ASSERT_TRUE(file->Read("h", absl::MakeSpan(half)).ok());
  EXPECT_TRUE(std::isnan(half[8]));
  half.pop_back();
  EXPECT_THAT(half, ElementsAre(0.0f, -0.0f, 0x1p-24f, 1023 * 0x1p-24f,
                                0x1p-14f, -1.0f, 65504.0f, kInf));
  EXPECT_TRUE(std::signbit(half[1]));
  std::vector<float> brain(3);
  ASSERT_TRUE(file->Read("b", absl::MakeSpan(brain)).ok());
  EXPECT_THAT(brain, ElementsAre(1.0f, -kInf, 0x1p-133f));
  std::vector<float> wide(2);
  ASSERT_TRUE(file->Read("d", absl::MakeSpan(wide), 0).ok());
  EXPECT_THAT(wide, ElementsAre(1.0f / 3, kInf));
  ASSERT_TRUE(file->Read("d", absl::MakeSpan(wide), 1).ok());
  EXPECT_EQ(wide[1], -2.0f);
}

TEST_F(SafetensorsTest, ConvertsMoreThanOneChunk) {
  std::vector<uint16_t> bits(10001);
  for (size_t i = 0; i < bits.size(); ++i) bits[i] = static_cast<uint16_t>(i);
  const absl::StatusOr<SafetensorsFile> file = OpenBytes(FileBytes(
      R"({"b":{"dtype":"BF16","shape":[10001],"data_offsets":[0,20002]}})",
      BytesOf(bits)));
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<float> values(10000);
  ASSERT_TRUE(file->Read("b", absl::MakeSpan(values), 1).ok());
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t want = static_cast<uint32_t>(i + 1) << 16;
    ASSERT_EQ(std::memcmp(&values[i], &want, 4), 0) << i;
  }
}

TEST_F(SafetensorsTest, ReadErrorsNameFileAndTensor) {
  ASSERT_TRUE(WriteSample().ok());
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(Path());
  ASSERT_TRUE(file.ok()) << file.status();
  std::vector<float> floats(4);
  std::vector<int64_t> integers(2);
  const auto expect = [&](const absl::Status& status, const char* tensor,
                          const char* why) {
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr(Path()));
    EXPECT_THAT(std::string(status.message()), HasSubstr(tensor));
    EXPECT_THAT(std::string(status.message()), HasSubstr(why));
  };
  expect(file->Read("none", absl::MakeSpan(floats)), "'none'", "no tensor");
  expect(file->Read("weight", absl::MakeSpan(floats), 3), "'weight'", "has 6");
  expect(file->Read("weight", absl::MakeSpan(floats), ~uint64_t{0}), "'weight'",
         "has 6");
  expect(file->Read("steps", absl::MakeSpan(floats).first(1)), "'steps'",
         "I64");
  expect(file->Read("weight", absl::MakeSpan(integers)), "'weight'", "F32");
  expect(file->ReadWhole("weight", {3, 2}, absl::MakeSpan(floats)), "'weight'",
         "[2, 3], wanted is [3, 2]");
  const TensorInfo& last = file->tensors().back();
  ASSERT_EQ(
      truncate(Path().c_str(), static_cast<off_t>(last.begin + last.bytes - 1)),
      0);
  expect(file->Read("steps", absl::MakeSpan(integers)), "'steps'", "shorter");
}

TEST_F(SafetensorsTest, MissingFilesAndOtherThingsAreErrors) {
  const absl::Status missing = SafetensorsFile::Open(Path()).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr(Path()));
  EXPECT_FALSE(SafetensorsFile::Open(folder_.path()).ok());
  EXPECT_FALSE(OpenBytes("").ok());
  EXPECT_FALSE(OpenBytes("1234567").ok());
  EXPECT_FALSE(OpenBytes(FileBytes("", "")).ok());
}

TEST_F(SafetensorsTest, HeaderLengthIsCheckedBeforeMemoryIsTaken) {
  for (const uint64_t length :
       {uint64_t{3}, uint64_t{100000001}, uint64_t{1} << 63, ~uint64_t{0}}) {
    std::string bytes(8, '\0');
    std::memcpy(&bytes[0], &length, 8);
    ResetAllocations();
    const absl::Status status = OpenBytes(bytes + "{}").status();
    EXPECT_THAT(std::string(status.message()), HasSubstr("header"));
    EXPECT_LT(LargestAllocation(), size_t{1} << 20) << length;
  }
  // A file that is long enough, but a header that nobody writes.
  const uint64_t length = 100000001;
  std::string bytes(8, '\0');
  std::memcpy(&bytes[0], &length, 8);
  ASSERT_TRUE(WriteFileWhole(Path(), bytes).ok());
  ASSERT_EQ(truncate(Path().c_str(), 200000000), 0);
  ResetAllocations();
  EXPECT_THAT(std::string(SafetensorsFile::Open(Path()).status().message()),
              HasSubstr("100000000"));
  EXPECT_LT(LargestAllocation(), size_t{1} << 20);
}

TEST_F(SafetensorsTest, MalformedHeadersAreErrors) {
  EXPECT_THAT(Refusal("[]", 0), HasSubstr("start with '{'"));
  EXPECT_THAT(Refusal("{", 0), HasSubstr("JSON"));
  EXPECT_THAT(Refusal("{}x", 0), HasSubstr("JSON"));
  EXPECT_THAT(Refusal(R"({"__metadata__":3})", 0), HasSubstr("no object"));
  EXPECT_THAT(Refusal(R"({"__metadata__":{"a":3}})", 0),
              HasSubstr("'a' in '__metadata__'"));
  EXPECT_THAT(Refusal("{}", 4), HasSubstr("last 4 bytes"));
  EXPECT_THAT(Refusal(R"({"a":3})", 0), HasSubstr("'a': its entry"));
  // Deeper than any header, and deep enough to end a recursion's stack.
  EXPECT_THAT(Refusal("{\"a\":" + std::string(100000, '['), 0),
              HasSubstr("JSON"));
}

TEST_F(SafetensorsTest, MalformedEntriesAreErrors) {
  struct Case {
    const char* entry;
    const char* why;
  };
  const Case cases[] = {
      {R"({"shape":[1],"data_offsets":[0,4]})", "no 'dtype'"},
      {R"({"dtype":"F32","data_offsets":[0,4]})", "no 'shape'"},
      {R"({"dtype":"F32","shape":[1]})", "no 'data_offsets'"},
      {R"({"dtype":1,"shape":[1],"data_offsets":[0,4]})", "no string"},
      {R"({"dtype":"F31","shape":[1],"data_offsets":[0,4]})", "'F31'"},
      {R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})", "no list"},
      {R"({"dtype":"F32","shape":[-1],"data_offsets":[0,4]})", "whole number"},
      {R"({"dtype":"F32","shape":[0.5],"data_offsets":[0,4]})", "whole number"},
      {R"({"dtype":"F32","shape":["1"],"data_offsets":[0,4]})", "whole number"},
      {R"({"dtype":"F32","shape":[null],"data_offsets":[0,4]})",
       "whole number"},
      {R"({"dtype":"F32","shape":[1e300],"data_offsets":[0,4]})",
       "whole number"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[-4,0]})", "whole number"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0,4.5]})", "whole number"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[4]})", "not two"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,4]})", "not two"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", "do not lie"},
      {R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", "do not lie"},
      {R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", "does not take"},
      {R"({"dtype":"F64","shape":[1],"data_offsets":[0,4]})", "does not take"},
      // 2^53 * 2^53 and 2^33 * 2^31 * 4 wrap around to 0.
      {R"({"dtype":"F32","shape":[9007199254740992,9007199254740992],)"
       R"("data_offsets":[0,0]})",
       "does not take"},
      {R"({"dtype":"F32","shape":[8589934592,536870912],"data_offsets":[0,0]})",
       "does not take"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})", "'x'"},
  };
  for (const Case& c : cases) {
    const std::string why = Refusal(absl::StrCat("{\"a.b\":", c.entry, "}"), 4);
    EXPECT_THAT(why, HasSubstr("tensor 'a.b'")) << c.entry;
    EXPECT_THAT(why, HasSubstr(c.why)) << c.entry;
  }
}

TEST_F(SafetensorsTest, TensorsMustShareAllBytesAmongThem) {
  const auto two = [](int b0, int e0, int b1, int e1) {
    return absl::StrCat(R"({"a":{"dtype":"U8","shape":[)", e0 - b0,
                        R"(],"data_offsets":[)", b0, ",", e0,
                        R"(]},"b":{"dtype":"U8","shape":[)", e1 - b1,
                        R"(],"data_offsets":[)", b1, ",", e1, "]}}");
  };
  EXPECT_TRUE(OpenBytes(FileBytes(two(4, 9, 0, 4), std::string(9, 0))).ok());
  EXPECT_TRUE(OpenBytes(FileBytes(two(4, 4, 0, 4), std::string(4, 0))).ok());
  EXPECT_THAT(Refusal(two(0, 5, 4, 9), 9),
              HasSubstr("tensor 'b': overlaps tensor 'a'"));
  EXPECT_THAT(Refusal(two(0, 9, 0, 9), 9), HasSubstr("overlaps"));
  EXPECT_THAT(Refusal(two(0, 9, 4, 4), 9), HasSubstr("overlaps"));
  EXPECT_THAT(Refusal(two(0, 4, 6, 9), 9),
              HasSubstr("tensor 'b': 2 bytes before it"));
  EXPECT_THAT(Refusal(two(1, 4, 4, 9), 9),
              HasSubstr("tensor 'a': 1 bytes before it"));
  EXPECT_THAT(Refusal(two(0, 4, 4, 8), 9),
              HasSubstr("last 1 bytes, after tensor 'b'"));
}

TEST_F(SafetensorsTest, ANameTwiceIsAnError) {
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                      R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
                      4),
              HasSubstr("a"));
  EXPECT_THAT(Refusal(R"({"a":{"dtype":"U8","dtype":"U8","shape":[4],)"
                      R"("data_offsets":[0,4]}})",
                      4),
              HasSubstr("dtype"));
}

// Whatever the bytes are: no crash, no memory out of proportion; and what opens
// can be read.
class SafetensorsFuzz : public SafetensorsTest {
 protected:
  void Try(const std::string& bytes) {
    ResetAllocations();
    const absl::StatusOr<SafetensorsFile> file = OpenBytes(bytes);
    ASSERT_LT(LargestAllocation(), size_t{1} << 20);
    if (!file.ok()) {
      ++refused_;
      ASSERT_THAT(std::string(file.status().message()), HasSubstr(Path()));
      return;
    }
    ++opened_;
    uint64_t covered = 0;
    for (const TensorInfo& tensor : file->tensors()) {
      covered += tensor.bytes;
      ASSERT_LE(tensor.begin + tensor.bytes, bytes.size());
      std::vector<float> floats(tensor.elements);
      const absl::Status as_float =
          file->Read(tensor.name, absl::MakeSpan(floats));
      ASSERT_EQ(as_float.ok(), tensor.dtype[0] == 'F' || tensor.dtype == "BF16")
          << as_float;
    }
    ASSERT_LE(covered, bytes.size());
  }

  int opened_ = 0;
  int refused_ = 0;
};

TEST_F(SafetensorsFuzz, MutationsOfAValidFile) {
  ASSERT_TRUE(WriteSample().ok());
  const std::string valid = ReadFile(Path(), 10000).value();
  const std::string tokens[] = {
      "{",   "}",    "[",     "]",     ",",       ":",
      "\"",  "-",    "0",     ".5",    "e9",      "null",
      "F32", "BOOL", "shape", "[0,0]", "\\u0000", "18446744073709551616"};
  std::mt19937 random(417);
  const auto below = [&](size_t n) { return random() % n; };
  for (int i = 0; i < 16000; ++i) {
    std::string bytes = valid;
    const size_t edits = 1 + below(3);
    for (size_t k = 0; k < edits; ++k) {
      // Mostly in the header's text, where most of the rules are.
      size_t at = below(8) == 0 ? below(8) : below(bytes.size() * 3 / 4 + 1);
      at = std::min(at, bytes.size());
      switch (below(6)) {
        case 0:
          if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
          break;
        case 1:
          if (at < bytes.size()) bytes[at] ^= static_cast<char>(1 << below(8));
          break;
        case 2:
          bytes.erase(at, 1 + below(12));
          break;
        case 3:
          bytes.insert(at, tokens[below(18)]);
          break;
        case 4:
          bytes.resize(below(bytes.size() + 8));
          break;
        default: {  // another digit in place of one: lengths stay right
          const size_t digit = bytes.find_first_of("0123456789", at);
          if (digit != std::string::npos) {
            bytes[digit] = static_cast<char>('0' + below(10));
          }
        }
      }
      if (bytes.empty()) bytes = valid;
    }
    Try(bytes);
    if (HasFatalFailure()) FAIL() << "case " << i;
  }
  // Changes of data, names and padding leave valid files; most others do not.
  EXPECT_GT(opened_, 100);
  EXPECT_GT(refused_, 10000);
}

TEST_F(SafetensorsFuzz, RandomBytes) {
  std::mt19937 random(418);
  for (int i = 0; i < 6000; ++i) {
    std::string text(random() % 200, '\0');
    for (char& c : text) c = static_cast<char>(random());
    // Half of them with a header length that fits, to reach the JSON reader.
    Try(i % 2 == 0 ? text : FileBytes("{" + text, ""));
    if (HasFatalFailure()) FAIL() << "case " << i;
  }
  EXPECT_EQ(refused_, 6000);
}

}  // namespace
}  // namespace polarize
