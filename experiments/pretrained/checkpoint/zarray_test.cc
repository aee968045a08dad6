#include "experiments/pretrained/checkpoint/zarray.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// As TensorStore writes it.
constexpr char kQkv[] =
    R"({"chunks":[32,3,256,32,128],"compressor":{"id":"zstd","level":1},)"
    R"("dimension_separator":".","dtype":"<f4","fill_value":null,)"
    R"("filters":null,"order":"C","shape":[32,3,4096,32,128],"zarr_format":2})";

// What is said where `from` is replaced in that text.
std::string ErrorWith(const std::string& from, const std::string& to) {
  const std::string text = absl::StrReplaceAll(kQkv, {{from, to}});
  EXPECT_NE(text, kQkv) << from;
  const absl::StatusOr<Zarray> zarray = ParseZarray(text);
  EXPECT_FALSE(zarray.ok()) << text;
  return std::string(zarray.status().message());
}

TEST(ZarrayTest, ReadsWhatTensorStoreWrites) {
  const absl::StatusOr<Zarray> zarray = ParseZarray(kQkv);
  ASSERT_TRUE(zarray.ok()) << zarray.status();
  EXPECT_THAT(zarray->shape, ElementsAre(32, 3, 4096, 32, 128));
  EXPECT_THAT(zarray->chunks, ElementsAre(32, 3, 256, 32, 128));
  EXPECT_THAT(zarray->Grid(), ElementsAre(1, 1, 16, 1, 1));
  EXPECT_EQ(zarray->type, ElementType::kF32);
  EXPECT_TRUE(zarray->zstd);
  EXPECT_EQ(zarray->separator, '.');
  EXPECT_EQ(zarray->ChunkCount(), 16u);
  EXPECT_EQ(zarray->ChunkBytes(), uint64_t{384} << 20);
  EXPECT_EQ(zarray->Elements() * 4, 6442450944u);
}

TEST(ZarrayTest, ReadsWhatElseIsSupported) {
  const auto with = [](const std::string& from, const std::string& to) {
    const absl::StatusOr<Zarray> zarray =
        ParseZarray(absl::StrReplaceAll(kQkv, {{from, to}}));
    EXPECT_TRUE(zarray.ok()) << to << ": " << zarray.status();
    return zarray.ok() ? *zarray : Zarray();
  };
  EXPECT_EQ(with("<f4", "bfloat16").type, ElementType::kBF16);
  EXPECT_EQ(with("<f4", "<V2").type, ElementType::kBF16);
  EXPECT_FALSE(with(R"({"id":"zstd","level":1})", "null").zstd);
  EXPECT_TRUE(with(R"("level":1)", R"("level":22)").zstd);
  EXPECT_EQ(with(R"(separator":".")", R"(separator":"/")").separator, '/');
  EXPECT_EQ(with(R"("dimension_separator":".",)", "").separator, '.');
  with(R"("fill_value":null)", R"("fill_value":0)");
  with(R"("fill_value":null)", R"("fill_value":0.0)");
  // A grid that does not divide the shape.
  EXPECT_THAT(with("256,", "1000,").Grid(), ElementsAre(1, 1, 5, 1, 1));
  EXPECT_THAT(with("256,", "5000,").Grid(), ElementsAre(1, 1, 1, 1, 1));
}

TEST(ZarrayTest, AnArrayWithoutAxesHasOneChunk) {
  const absl::StatusOr<Zarray> zarray = ParseZarray(absl::StrReplaceAll(
      kQkv, {{"[32,3,256,32,128]", "[]"}, {"[32,3,4096,32,128]", "[]"}}));
  ASSERT_TRUE(zarray.ok()) << zarray.status();
  EXPECT_EQ(zarray->ChunkCount(), 1u);
  EXPECT_EQ(zarray->ChunkBytes(), 4u);
}

TEST(ZarrayTest, NamesTheFieldThatIsWrong) {
  const std::vector<std::pair<std::pair<std::string, std::string>, std::string>>
      cases = {
          {{R"("zarr_format":2)", R"("zarr_format":3)"}, "zarr_format: "},
          {{R"(,"zarr_format":2)", ""}, "zarr_format: "},
          {{R"("order":"C")", R"("order":"F")"}, "order: \"F\" is not"},
          {{R"("filters":null)", R"("filters":[{"id":"delta"}])"}, "filters: "},
          {{R"("fill_value":null)", R"("fill_value":1)"}, "fill_value: "},
          {{R"("fill_value":null)", R"("fill_value":"NaN")"}, "fill_value: "},
          {{"<f4", "<f8"}, "dtype: \"<f8\" is not supported"},
          {{R"("<f4")", R"([["a","<f4"]])"}, "dtype: "},
          {{R"("id":"zstd")", R"("id":"blosc")"}, "compressor: \"blosc\""},
          {{R"("id":"zstd")", R"("id":"gzip")"}, "compressor: \"gzip\""},
          {{R"("id":"zstd",)", ""}, "compressor: id: "},
          {{R"({"id":"zstd","level":1})", R"("zstd")"}, "compressor: "},
          {{R"("compressor":{"id":"zstd","level":1},)", ""}, "compressor: "},
          {{R"(separator":".")", R"(separator":"-")"}, "dimension_separator: "},
          {{"4096", "-4096"}, "shape: "},
          {{"4096", "4096.5"}, "shape: "},
          {{"4096", "\"4096\""}, "shape: "},
          {{"4096", "1e300"}, "shape: "},
          {{"256", "0"}, "chunks: "},
          {{"[32,3,256,32,128]", "[32,3,256]"}, "chunks: "},
          {{"[32,3,256,32,128]", "7"}, "chunks: "},
          {{"[32,3,4096,32,128]", "[1,1,1,1,1,1,1,1,1]"}, "shape: 9 axes"},
          {{"4096", "9007199254740992"}, "shape: "},
          {{"256", "1099511627776"}, "chunks: "},
          {{"[32,3,256,32,128]", "[1,1,1,1,1]"}, "chunks: "},
          {{R"("order")", R"("new":1,"order")"}, "\"new\": "},
      };
  for (const auto& [change, begin] : cases) {
    EXPECT_THAT(ErrorWith(change.first, change.second), StartsWith(begin))
        << change.second;
  }
}

TEST(ZarrayTest, RefusesWhatIsNoJsonObject) {
  for (const std::string& text :
       {std::string(), std::string("7"), std::string("[1]"), std::string("{"),
        std::string(kQkv).substr(0, 100)}) {
    EXPECT_THAT(ParseZarray(text).status().message(), HasSubstr("not a JSON"))
        << text;
  }
  EXPECT_THAT(ParseZarray(std::string(100000, '[')).status().message(),
              HasSubstr("deeper"));
}

}  // namespace
}  // namespace polarize
