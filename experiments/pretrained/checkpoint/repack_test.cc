#include "experiments/pretrained/checkpoint/repack.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "experiments/pretrained/checkpoint/arrays.h"
#include "experiments/pretrained/checkpoint/checkpoint_testing.h"
#include "experiments/pretrained/checkpoint/journal.h"
#include "experiments/pretrained/checkpoint/packed.h"
#include "experiments/pretrained/checkpoint/zarr_array.h"
#include "experiments/pretrained/fetch/lock_file.h"
#include "experiments/pretrained/fetch/store.h"
#include "experiments/run/file.h"
#include "experiments/run/file_testing.h"
#include "experiments/run/safetensors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace polarize {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kQkv[] =
    "gda/model/decoder/transformer/repeat/layer/self_attention/attention/"
    "i_proj/qkv_proj/weight";

float FloatOf(uint16_t bits) {
  const uint32_t wide = uint32_t{bits} << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

// What the element with this value must be in the packed files.
float Expected(float value, bool stored_bf16, bool packed_bf16) {
  const float stored = stored_bf16 ? RoundedToBF16(value) : value;
  return packed_bf16 ? RoundedToBF16(stored) : stored;
}

// Compares a repacked fixture with the formula of its elements.
class Truth {
 public:
  Truth(const PackedFolder& packed, bool stored_bf16)
      : packed_(packed), stored_bf16_(stored_bf16) {}

  void Check() const {
    const PretrainedSizes s = FixtureSizes();
    const size_t d = s.embed_dim, a = s.attention_dim(), f = s.ffn_dim;
    for (size_t l = 0; l < s.layers; ++l) {
      const absl::StatusOr<PackedLayer> layer = packed_.MapLayer(l);
      ASSERT_TRUE(layer.ok()) << layer.status();
      const LayerWeights& w = layer->weights();
      ASSERT_TRUE(CheckLayerWeights(w, s, false, l).ok());
      Scale(w.attention_prenorm, 2, l);
      Scale(w.attention_postnorm, 3, l);
      Scale(w.query_norm, 6, l);
      Scale(w.key_norm, 7, l);
      Scale(w.ffn_prenorm, 8, l);
      Scale(w.ffn_postnorm, 9, l);
      const WeightMatrix* const qkv[] = {&w.q, &w.k, &w.v};
      for (size_t p = 0; p < 3; ++p) {
        Matrix(*qkv[p], 4, [=](size_t row, size_t col) {
          return ((l * 3 + p) * d + row) * a + col;
        });
      }
      // [D, N, H] became [N*H, D].
      Matrix(w.o, 5,
             [=](size_t row, size_t col) { return (l * d + col) * a + row; });
      Matrix(w.gate, 10,
             [=](size_t row, size_t col) { return (l * d + row) * f + col; });
      Matrix(w.up, 11,
             [=](size_t row, size_t col) { return (l * d + row) * f + col; });
      Matrix(w.down, 12,
             [=](size_t row, size_t col) { return (l * f + row) * d + col; });
    }
    const absl::StatusOr<PackedEmbedding> embedding = packed_.MapEmbedding();
    ASSERT_TRUE(embedding.ok()) << embedding.status();
    ASSERT_TRUE(CheckMatrix(embedding->table(), s.vocab, d).ok());
    Matrix(embedding->table(), 0,
           [=](size_t row, size_t col) { return row * d + col; });
  }

 private:
  void Scale(absl::Span<const float> scale, size_t array, size_t layer) const {
    for (size_t i = 0; i < scale.size(); ++i) {
      const float value = FixtureValue(array, layer * scale.size() + i);
      ASSERT_EQ(scale[i], Expected(value, stored_bf16_, false))
          << array << " " << layer << " " << i;
    }
  }
  template <typename Index>
  void Matrix(const WeightMatrix& matrix, size_t array, Index index) const {
    const bool bf16 = packed_.precision() == PackedPrecision::kBF16;
    ASSERT_EQ(matrix.is_bf16(), bf16);
    for (size_t row = 0; row < matrix.rows; ++row) {
      for (size_t col = 0; col < matrix.cols; ++col) {
        const size_t at = row * matrix.cols + col;
        ASSERT_EQ(
            bf16 ? FloatOf(matrix.bf16[at]) : matrix.f32[at],
            Expected(FixtureValue(array, index(row, col)), stored_bf16_, bf16))
            << array << " " << row << " " << col;
      }
    }
  }

  const PackedFolder& packed_;
  const bool stored_bf16_;
};

// The bytes of every file but the lock, by name.
std::map<std::string, std::string> FilesIn(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const std::string& name : NamesIn(folder)) {
    if (name == "repack.busy") continue;
    files[name] = *ReadFile(folder + "/" + name, 1 << 24);
  }
  return files;
}

class RepackTest : public testing::Test {
 protected:
  // A copy of a fixture in `checkpoint`, to be changed.
  void Copy(const std::string& name) {
    CopyFolder(FixtureFolder(name), checkpoint_);
  }
  RepackOptions Options() const {
    RepackOptions options;
    options.checkpoint_dir = checkpoint_;
    options.out = out_;
    options.sync_bytes = 0;
    return options;
  }
  std::string Error() const {
    const absl::StatusOr<RepackReport> report = Repack(Options());
    return report.ok() ? "no error" : std::string(report.status().message());
  }
  std::string Chunk(const std::string& array, const std::string& key) const {
    return absl::StrCat(checkpoint_, "/", array, "/", key);
  }
  void Replace(const std::string& file, const std::string& from,
               const std::string& to) const {
    const std::string path = checkpoint_ + "/" + file;
    const std::string text = *ReadFile(path, 1 << 20);
    const std::string changed = absl::StrReplaceAll(text, {{from, to}});
    ASSERT_NE(changed, text);
    ASSERT_TRUE(WriteFileWhole(path, changed).ok());
  }

  // An array of floats without chunks.
  void WriteZarray(const std::string& array, absl::Span<const uint64_t> shape,
                   absl::Span<const uint64_t> chunks) const {
    const std::string folder = checkpoint_ + "/" + array;
    ASSERT_TRUE(MakeFolders(folder).ok());
    ASSERT_TRUE(
        WriteFileWhole(
            folder + "/.zarray",
            absl::StrCat(R"({"chunks":)", ZarrShapeText(chunks),
                         R"(,"compressor":{"id":"zstd"},"dtype":"<f4",)"
                         R"("fill_value":null,"filters":null,"order":"C",)"
                         R"("shape":)",
                         ZarrShapeText(shape), R"(,"zarr_format":2})"))
            .ok());
  }

  const TestFolder folder_;
  const std::string checkpoint_ = folder_.path() + "/checkpoint";
  const std::string out_ = folder_.path() + "/a/b/packed";
};

TEST_F(RepackTest, EveryElementIsWhereItBelongs) {
  for (const bool stored_bf16 : {false, true}) {
    for (const PackedPrecision precision :
         {PackedPrecision::kF32, PackedPrecision::kBF16}) {
      RepackOptions options = Options();
      options.checkpoint_dir =
          FixtureFolder(stored_bf16 ? "bfloat16" : "float32");
      options.precision = precision;
      options.out =
          absl::StrCat(out_, stored_bf16, static_cast<int>(precision));
      const absl::StatusOr<RepackReport> report = Repack(options);
      ASSERT_TRUE(report.ok()) << report.status();
      EXPECT_FALSE(report->was_there);
      EXPECT_EQ(report->continued, 0u);
      EXPECT_EQ(report->missing, 0u);
      EXPECT_THAT(NamesIn(options.out),
                  ElementsAre("embedding.safetensors", "layer_00.safetensors",
                              "layer_01.safetensors", "packed.textproto",
                              "repack.busy"));
      const absl::StatusOr<PackedFolder> packed =
          PackedFolder::Open(options.out);
      ASSERT_TRUE(packed.ok()) << packed.status();
      EXPECT_EQ(packed->manifest().step(), 250000u);
      EXPECT_EQ(packed->manifest().attention(), "");
      EXPECT_EQ(packed->manifest().lock_sha256(), "");
      EXPECT_EQ(packed->precision(), precision);
      Truth(*packed, stored_bf16).Check();
      uint64_t bytes = 0;
      for (const char* const name :
           {"embedding.safetensors", "layer_00.safetensors",
            "layer_01.safetensors"}) {
        bytes += ReadFile(options.out + "/" + name, 1 << 24)->size();
      }
      EXPECT_EQ(report->bytes, bytes);
    }
  }
}

// The files are safetensors files, names and shapes those of LayerWeights.
TEST_F(RepackTest, OtherProgramsReadTheFiles) {
  RepackOptions options = Options();
  options.checkpoint_dir = FixtureFolder("float32");
  options.precision = PackedPrecision::kBF16;
  ASSERT_TRUE(Repack(options).ok());
  const absl::StatusOr<SafetensorsFile> file =
      SafetensorsFile::Open(out_ + "/layer_01.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensors().size(), 13u);
  const TensorInfo* const o = file->Find("o");
  ASSERT_NE(o, nullptr);
  EXPECT_EQ(o->dtype, "BF16");
  EXPECT_THAT(o->shape, ElementsAre(16, 12));
  const TensorInfo* const norm = file->Find("query_norm");
  ASSERT_NE(norm, nullptr);
  EXPECT_EQ(norm->dtype, "F32");
  EXPECT_THAT(norm->shape, ElementsAre(4));
  EXPECT_EQ(file->tensors()[0].begin % 64, 0u);
  std::vector<float> values(16 * 12);
  ASSERT_TRUE(file->Read("o", absl::MakeSpan(values)).ok());
  // Row 5 (head 1, element 1), column 7 of layer 1.
  EXPECT_EQ(values[5 * 12 + 7],
            RoundedToBF16(FixtureValue(5, (1 * 12 + 7) * 16 + 5)));
}

TEST_F(RepackTest, AWholeFolderIsLeftAlone) {
  Copy("float32");
  ASSERT_EQ(Error(), "no error");
  const auto before = FilesIn(out_);
  const absl::StatusOr<RepackReport> again = Repack(Options());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->was_there);
  EXPECT_EQ(again->read_bytes, 0u);
  EXPECT_EQ(FilesIn(out_), before);

  RepackOptions other = Options();
  other.precision = PackedPrecision::kBF16;
  EXPECT_THAT(Repack(other).status().message(),
              AllOf(HasSubstr(out_), HasSubstr("this checkpoint as FP32")));
  other = Options();
  other.checkpoint_dir = FixtureFolder("bfloat16");
  EXPECT_THAT(Repack(other).status().message(),
              HasSubstr("another checkpoint"));
  EXPECT_EQ(FilesIn(out_), before);
}

TEST_F(RepackTest, ADryRunChangesNothing) {
  RepackOptions options = Options();
  options.checkpoint_dir = FixtureFolder("float32");
  options.dry_run = true;
  const absl::StatusOr<RepackReport> report = Repack(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->bytes, 10000u);
  EXPECT_GT(report->chunks, 20u);
  EXPECT_FALSE(PathExists(folder_.path() + "/a"));
}

TEST_F(RepackTest, OneErrorNamesTheArrayAndTheChunk) {
  Copy("float32");
  const std::string path = Chunk(kQkv, "0.0.2.0.0");
  const std::string bytes = *ReadFile(path, 1 << 20);
  ASSERT_EQ(remove(path.c_str()), 0);
  EXPECT_THAT(Error(), AllOf(HasSubstr(kQkv), HasSubstr(": chunk 0.0.2.0.0: "),
                             HasSubstr("--allow_missing_chunks")));
  EXPECT_FALSE(PathExists(out_));  // found out before anything was written

  ASSERT_TRUE(WriteFileWhole(path, bytes.substr(0, 100)).ok());
  EXPECT_THAT(Error(), AllOf(HasSubstr(kQkv), HasSubstr(": chunk 0.0.2.0.0: "),
                             HasSubstr("cut off")));
  EXPECT_FALSE(PackedFolder::Open(out_).ok());
}

TEST_F(RepackTest, MissingChunksAreZerosWhereThatIsAllowed) {
  Copy("float32");
  ASSERT_EQ(remove(Chunk(kQkv, "0.0.2.0.0").c_str()), 0);
  RepackOptions options = Options();
  options.allow_missing_chunks = true;
  const absl::StatusOr<RepackReport> report = Repack(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->missing, 1u);
  const absl::StatusOr<PackedFolder> packed = PackedFolder::Open(out_);
  ASSERT_TRUE(packed.ok()) << packed.status();
  const absl::StatusOr<PackedLayer> layer = packed->MapLayer(1);
  ASSERT_TRUE(layer.ok()) << layer.status();
  // The chunk holds rows 6, 7 and 8.
  for (size_t row = 0; row < 12; ++row) {
    for (size_t col = 0; col < 16; ++col) {
      const float exact = FixtureValue(4, ((1 * 3 + 2) * 12 + row) * 16 + col);
      EXPECT_EQ(layer->weights().v.f32[row * 16 + col],
                row / 3 == 2 ? 0 : exact);
    }
  }
}

TEST_F(RepackTest, ArraysThatAreNotTheModels) {
  Copy("float32");
  const std::string zarray = absl::StrCat(kQkv, "/.zarray");
  Replace(zarray, "<f4", "<i4");
  EXPECT_THAT(Error(), AllOf(HasSubstr(kQkv), HasSubstr("int32 is no type")));
  Replace(zarray, "<i4", "<f2");
  EXPECT_THAT(Error(), AllOf(HasSubstr("qkv_proj"), HasSubstr("type float16"),
                             HasSubstr("index says float32")));
  Replace(zarray, "<f2", "<f4");
  Replace(zarray, "[2,3,12,4,4]", "[2,3,13,4,4]");
  EXPECT_THAT(Error(),
              AllOf(HasSubstr(kQkv), HasSubstr("shape [2, 3, 13, 4, 4]"),
                    HasSubstr("embed_dim is 12 in gda/model/decoder/emb")));
  Replace(zarray, "[2,3,13,4,4]", "[2,3,12,16]");
  Replace(zarray, "[2,3,3,4,4]", "[2,3,3,16]");
  EXPECT_THAT(Error(), HasSubstr("must be [layers, 3, embed_dim, heads, "
                                 "head_dim]"));
  Replace(zarray, "[2,3,12,16]", "[2,3,12,4,4]");
  Replace(zarray, "[2,3,3,16]", "[2,3,3,4,4]");
  ASSERT_EQ(Error(), "no error");
}

TEST_F(RepackTest, TheIndexMustAgree) {
  Copy("float32");
  Replace("index", "(2, 3, 12, 4, 4)", "(2, 3, 24, 4, 4)");
  EXPECT_THAT(Error(), AllOf(HasSubstr("/index: model/decoder"),
                             HasSubstr("index says [2, 3, 24, 4, 4]")));
  Replace("index", "(2, 3, 24, 4, 4)", "(2, 3, 12, 4, 4)");
  Replace("index", "[[",
          R"x([["model/x/bias", {"dtype": "float32", "shape": "(2,)"}], [)x");
  EXPECT_THAT(Error(), HasSubstr("/index: model/x/bias: an array that"));
  ASSERT_TRUE(WriteFileWhole(checkpoint_ + "/index", "").ok());
  EXPECT_THAT(Error(), HasSubstr("/index: not a JSON list"));
  // It need not be there.
  ASSERT_EQ(remove((checkpoint_ + "/index").c_str()), 0);
  EXPECT_EQ(Error(), "no error");
  EXPECT_EQ(PackedFolder::Open(out_)->manifest().step(), 0u);
}

TEST_F(RepackTest, AnArrayThatIsMissing) {
  Copy("float32");
  const std::string array = "gda/model/decoder/output_norm/scale";
  ASSERT_EQ(remove((checkpoint_ + "/" + array + "/.zarray").c_str()), 0);
  EXPECT_THAT(Error(), HasSubstr(array + ": there is no such array"));
}

// A lock for the chunks of the copy.
CheckpointLock LockOf(const std::string& checkpoint) {
  CheckpointLock lock;
  const CheckpointSource source = *PublicCheckpoint("sigmoid");
  lock.set_bucket(source.bucket);
  lock.set_prefix(source.prefix);
  lock.set_complete(true);
  for (const WeightArray& weights : WeightArrays()) {
    const std::string name = absl::StrCat("gda/model/", weights.path);
    const absl::StatusOr<ZarrArray> array = ZarrArray::Open(checkpoint, name);
    for (uint64_t chunk = 0; chunk < array->zarray().ChunkCount(); ++chunk) {
      LockedObject* const object = lock.add_object();
      object->set_path(absl::StrCat(name, "/", array->Key(chunk)));
      object->set_size(**array->FileBytes(chunk));
      object->set_generation(1);
      object->set_crc32c("AAAAAA==");
      object->set_sha256(std::string(64, '0'));
    }
  }
  return lock;
}

TEST_F(RepackTest, TheFetchsLockMustAgree) {
  Copy("float32");
  CheckpointLock lock = LockOf(checkpoint_);
  const std::string path = absl::StrCat(checkpoint_, "/", kLockName);
  lock.set_complete(false);
  ASSERT_TRUE(WriteLock(path, lock).ok());
  EXPECT_THAT(Error(), HasSubstr("the fetch is not complete"));

  lock.set_complete(true);
  CheckpointLock other = lock;
  other.mutable_object(0)->set_size(7);
  ASSERT_TRUE(WriteLock(path, other).ok());
  EXPECT_THAT(Error(), AllOf(HasSubstr("token_emb/weight: chunk 0.0: has "),
                             HasSubstr("says 7")));
  other.mutable_object()->DeleteSubrange(0, 1);
  ASSERT_TRUE(WriteLock(path, other).ok());
  EXPECT_THAT(Error(), AllOf(HasSubstr("token_emb/weight: chunk 0.0: "),
                             HasSubstr("does not name it")));

  ASSERT_TRUE(WriteLock(path, lock).ok());
  ASSERT_EQ(Error(), "no error");
  const absl::StatusOr<PackedFolder> packed = PackedFolder::Open(out_);
  ASSERT_TRUE(packed.ok()) << packed.status();
  EXPECT_EQ(packed->manifest().attention(), "sigmoid");
  EXPECT_EQ(packed->manifest().lock_sha256().size(), 64u);
  // Another lock is another checkpoint.
  lock.mutable_object(0)->set_sha256(std::string(64, '1'));
  ASSERT_TRUE(WriteLock(path, lock).ok());
  EXPECT_THAT(Error(), HasSubstr("another checkpoint"));
}

// Runs Repack in a process of its own, which dies at the `calls`-th piece; its
// exit code, 0 if it ended before, -1 if it was killed.
int KilledAtPiece(RepackOptions options, uint64_t calls) {
  const pid_t child = fork();
  if (child == 0) {
    uint64_t left = calls;
    options.cancelled = [&left] {
      if (left-- == 0) std::raise(SIGKILL);
      return false;
    };
    _exit(Repack(options).ok() ? 0 : 1);
  }
  int state = 0;
  EXPECT_EQ(waitpid(child, &state, 0), child);
  return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

TEST_F(RepackTest, KilledAnywhereItEndsWithTheSameFiles) {
  RepackOptions options = Options();
  options.checkpoint_dir = FixtureFolder("bfloat16");
  options.out = folder_.path() + "/undisturbed";
  ASSERT_TRUE(Repack(options).ok());
  const auto expected = FilesIn(options.out);
  for (const uint64_t sync_bytes : {uint64_t{0}, uint64_t{1000}}) {
    options.out = absl::StrCat(folder_.path(), "/killed", sync_bytes);
    options.sync_bytes = sync_bytes;
    int kills = 0;
    // Each gets a little further than the one before.
    for (uint64_t calls = 0; KilledAtPiece(options, calls) != 0; calls += 9) {
      ++kills;
      ASSERT_LT(kills, 1000);
      EXPECT_FALSE(PackedFolder::Open(options.out).ok());
    }
    EXPECT_GT(kills, 3);
    EXPECT_EQ(FilesIn(options.out), expected);
  }
}

TEST_F(RepackTest, NoChunkIsReadTwice) {
  RepackOptions options = Options();
  options.checkpoint_dir = FixtureFolder("float32");
  uint64_t pieces = 0;
  options.cancelled = [&pieces] { return ++pieces > 40; };
  EXPECT_TRUE(absl::IsCancelled(Repack(options).status()));
  EXPECT_TRUE(PathExists(out_ + "/repack.journal"));
  options.cancelled = [] { return false; };
  const absl::StatusOr<RepackReport> report = Repack(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->continued, 3u);
  EXPECT_LT(report->continued, report->chunks);
  EXPECT_FALSE(PathExists(out_ + "/repack.journal"));
  Truth(*PackedFolder::Open(out_), false).Check();
}

// Killed between the names of the first and the last file.
TEST_F(RepackTest, GoesOnAmongTheLastRenames) {
  RepackOptions options = Options();
  options.checkpoint_dir = FixtureFolder("float32");
  ASSERT_TRUE(Repack(options).ok());
  const auto expected = FilesIn(out_);
  const std::string layer = out_ + "/layer_01.safetensors";
  ASSERT_EQ(remove((out_ + "/packed.textproto").c_str()), 0);
  EXPECT_THAT(Repack(options).status().message(),
              AllOf(HasSubstr(out_), HasSubstr("no repacking left it")));
  ASSERT_EQ(rename(layer.c_str(), (layer + ".partial").c_str()), 0);
  options.dry_run = true;
  const std::string key =
      absl::StrCat(Repack(options)->manifest.source_sha256(), " FP32");
  absl::StatusOr<Journal> journal =
      Journal::Create(out_ + "/repack.journal", key);
  ASSERT_TRUE(journal.ok()) << journal.status();
  std::set<ChunkId> all;
  for (uint64_t i = 0; i < kWeightArrays; ++i) {
    for (uint64_t c = 0; c < 100; ++c) all.insert({i, c});
  }
  ASSERT_TRUE(journal->Add(all).ok());
  options.dry_run = false;
  const absl::StatusOr<RepackReport> report = Repack(options);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->read_bytes, 0u);
  EXPECT_EQ(FilesIn(out_), expected);
}

TEST_F(RepackTest, AnUnfinishedFolderIsOfOneCheckpoint) {
  Copy("float32");
  RepackOptions options = Options();
  uint64_t pieces = 0;
  options.cancelled = [&pieces] { return ++pieces > 40; };
  EXPECT_TRUE(absl::IsCancelled(Repack(options).status()));
  RepackOptions other = Options();
  other.checkpoint_dir = FixtureFolder("bfloat16");
  EXPECT_THAT(Repack(other).status().message(),
              HasSubstr("unfinished repacking of another checkpoint"));
  other = Options();
  other.precision = PackedPrecision::kBF16;
  EXPECT_THAT(Repack(other).status().message(),
              HasSubstr("with another precision"));
  // A file of it that went.
  ASSERT_EQ(remove((out_ + "/layer_00.safetensors.partial").c_str()), 0);
  EXPECT_THAT(Error(), AllOf(HasSubstr("layer_00.safetensors"),
                             HasSubstr("start again")));
}

TEST_F(RepackTest, AFullDiskIsAnErrorAndLosesNothing) {
  RepackOptions options = Options();
  options.checkpoint_dir = FixtureFolder("float32");
  {
    const FileSizeLimit limit(2000);
    const absl::Status status = Repack(options).status();
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(status.message(), AllOf(HasSubstr("layer_00.safetensors"),
                                        HasSubstr("start again")));
  }
  EXPECT_FALSE(PackedFolder::Open(out_).ok());
  const absl::StatusOr<RepackReport> report = Repack(options);
  ASSERT_TRUE(report.ok()) << report.status();
  Truth(*PackedFolder::Open(out_), false).Check();
}

TEST_F(RepackTest, ADiskThatIsTooSmallIsFoundOutAtOnce) {
  // 40 terabytes, in chunks of a layer, none of which is there.
  const std::map<char, uint64_t> sizes = {
      {'L', 1 << 14}, {'3', 3},       {'D', 12}, {'N', 4},
      {'H', 4},       {'F', 1 << 24}, {'V', 64}};
  for (const WeightArray& weights : WeightArrays()) {
    std::vector<uint64_t> shape, chunks;
    for (const char axis : absl::string_view(weights.axes)) {
      shape.push_back(sizes.at(axis));
      chunks.push_back(axis == 'L' ? 1 : shape.back());
    }
    WriteZarray(absl::StrCat("gda/model/", weights.path), shape, chunks);
  }
  RepackOptions options = Options();
  options.allow_missing_chunks = true;
  const absl::Status status = Repack(options).status();
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("the disk is too small"), HasSubstr("--out")));
  EXPECT_FALSE(PathExists(folder_.path() + "/a"));
}

// What is larger than any buffer: a chunk of 96 MiB, of all layers.
TEST_F(RepackTest, MemoryDoesNotGrowWithTheChunks) {
  constexpr uint64_t kFfn = 1 << 20;
  Copy("float32");
  ASSERT_EQ(remove((checkpoint_ + "/index").c_str()), 0);
  for (const char* const name : {"linear1_0", "linear1_1", "linear2"}) {
    const std::string array =
        absl::StrCat("gda/model/decoder/transformer/repeat/layer/feed_forward/",
                     name, "/weight");
    const bool down = absl::StrContains(name, "linear2");
    const std::vector<uint64_t> shape =
        down ? std::vector<uint64_t>{2, kFfn, 12}
             : std::vector<uint64_t>{2, 12, kFfn};
    WriteZarray(array, shape, shape);
    ASSERT_TRUE(WriteFileWhole(Chunk(array, "0.0.0"),
                               RepeatedFrame('?', 2 * 12 * kFfn * 4))
                    .ok());
  }
  RepackOptions options = Options();
  options.precision = PackedPrecision::kBF16;
  options.sync_bytes = uint64_t{256} << 20;
  const pid_t child = fork();
  if (child == 0) _exit(Repack(options).ok() ? 0 : 1);
  int state = 0;
  rusage usage;
  ASSERT_EQ(wait4(child, &state, 0, &usage), child);
  ASSERT_TRUE(WIFEXITED(state) && WEXITSTATUS(state) == 0);
  std::printf("%ld MiB of memory at most\n", usage.ru_maxrss >> 10);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(usage.ru_maxrss, 48 << 10);
#endif
  const absl::StatusOr<PackedFolder> packed = PackedFolder::Open(out_);
  ASSERT_TRUE(packed.ok()) << packed.status();
  const absl::StatusOr<PackedLayer> last = packed->MapLayer(1);
  ASSERT_TRUE(last.ok()) << last.status();
  const absl::Span<const uint16_t> down = last->weights().down.bf16;
  ASSERT_EQ(down.size(), 12 * kFfn);
  EXPECT_EQ(down.front(), 0x3F3F);
  EXPECT_EQ(down.back(), 0x3F3F);
}

TEST(PackedFolderTest, ErrorsNameFileAndField) {
  const TestFolder folder;
  const std::string path = folder.path() + "/packed.textproto";
  EXPECT_THAT(PackedFolder::Open(folder.path()).status().message(),
              AllOf(HasSubstr(path), HasSubstr(":repack")));
  const std::string good =
      "layers: 2 embed_dim: 12 heads: 4 head_dim: 4 ffn_dim: 10 vocab: 64\n"
      "precision: \"FP32\"\n";
  const auto error = [&](const std::string& text) {
    EXPECT_TRUE(WriteFileWhole(path, text).ok());
    return std::string(PackedFolder::Open(folder.path()).status().message());
  };
  EXPECT_EQ(error(good), "");
  EXPECT_THAT(error(good + "layers: 3"), HasSubstr(path));
  EXPECT_THAT(error(good + "depth: 3"), HasSubstr("depth"));
  EXPECT_THAT(error(absl::StrReplaceAll(good, {{"layers: 2", ""}})),
              HasSubstr("layers"));
  EXPECT_THAT(error(absl::StrReplaceAll(good, {{"FP32", "FP16"}})),
              HasSubstr("precision"));
  EXPECT_THAT(error(absl::StrReplaceAll(good, {{"64", "99999999999"}})),
              HasSubstr("vocab"));
  EXPECT_THAT(error(good + "attention: \"relu\""), HasSubstr("attention"));
}

TEST_F(RepackTest, FilesThatDoNotFitTheManifestAreErrors) {
  RepackOptions options = Options();
  options.checkpoint_dir = FixtureFolder("float32");
  ASSERT_TRUE(Repack(options).ok());
  const absl::StatusOr<PackedFolder> packed = PackedFolder::Open(out_);
  ASSERT_TRUE(packed.ok()) << packed.status();
  EXPECT_THAT(packed->MapLayer(2).status().message(), HasSubstr("no layer 2"));
  const std::string path = out_ + "/layer_01.safetensors";
  std::string bytes = *ReadFile(path, 1 << 20);
  bytes[20] ^= 1;
  ASSERT_TRUE(WriteFileWhole(path, bytes).ok());
  EXPECT_THAT(packed->MapLayer(1).status().message(),
              AllOf(HasSubstr(path), HasSubstr("header")));
  ASSERT_TRUE(WriteFileWhole(path, bytes.substr(0, bytes.size() - 1)).ok());
  EXPECT_THAT(packed->MapLayer(1).status().message(),
              AllOf(HasSubstr(path), HasSubstr("bytes in place of")));
  ASSERT_EQ(remove(path.c_str()), 0);
  EXPECT_THAT(packed->MapLayer(1).status().message(), HasSubstr(path));
  EXPECT_TRUE(packed->MapLayer(0).ok());
}

TEST(JournalTest, DropsALineThatWasCutOff) {
  const TestFolder folder;
  const std::string path = folder.path() + "/j";
  {
    absl::StatusOr<Journal> journal = Journal::Create(path, "key");
    ASSERT_TRUE(journal.ok()) << journal.status();
    ASSERT_TRUE(journal->Add({{1, 2}, {3, 40}}).ok());
  }
  const std::string text = *ReadFile(path, 1000);
  ASSERT_TRUE(WriteFileWhole(path, text.substr(0, text.size() - 1)).ok());
  absl::StatusOr<Journal> journal = Journal::Open(path, "key");
  ASSERT_TRUE(journal.ok()) << journal.status();
  EXPECT_TRUE(journal->Has({1, 2}));
  EXPECT_FALSE(journal->Has({3, 4}));
  EXPECT_FALSE(journal->Has({3, 40}));
  ASSERT_TRUE(journal->Add({{3, 40}}).ok());
  EXPECT_EQ(*ReadFile(path, 1000), text);
  EXPECT_FALSE(Journal::Open(path, "other").ok());
  ASSERT_TRUE(WriteFileWhole(path, text + "x\n").ok());
  EXPECT_THAT(Journal::Open(path, "key").status().message(),
              HasSubstr("damaged"));
  ASSERT_TRUE(WriteFileWhole(path, "").ok());
  EXPECT_FALSE(Journal::Open(path, "key").ok());
}

}  // namespace
}  // namespace polarize
