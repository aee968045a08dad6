#include "experiments/pretrained/text/parquet/file_metadata.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/text/parquet/compact.h"
#include "experiments/pretrained/text/parquet/schema.h"

namespace polarize {
namespace {

constexpr std::array<const char*, 8> kCodecs = {
    "UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
    "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};
// The bytes "PAR1" that a file starts with.
constexpr int64_t kFirstPage = 4;
// More than any file has, so that sums do not overflow.
constexpr int64_t kMaxOffset = int64_t{1} << 60;

template <typename... Parts>
absl::Status Error(const Parts&... rule) {
  return absl::InvalidArgumentError(absl::StrCat(rule...));
}

bool IsWithin(int64_t value, int64_t least) {
  return value >= least && value <= kMaxOffset;
}

const char* CodecName(int64_t codec) {
  const bool known = codec >= 0 && codec < static_cast<int64_t>(kCodecs.size());
  return known ? kCodecs[codec] : "an unknown method";
}

// ColumnChunk and ColumnMetaData of parquet.thrift; -1: missing.
struct RawChunk {
  void Read(CompactReader* reader);
  void ReadMetadata(CompactReader* reader);

  bool elsewhere = false;
  bool encrypted = false;
  int64_t codec = -1;
  int64_t values = -1;
  int64_t bytes = -1;
  int64_t data_start = -1;
  int64_t dictionary_start = -1;
  bool is_text = false;
};

void RawChunk::Read(CompactReader* reader) {
  for (CompactFields f(reader); f.Next();) {
    switch (f.id()) {
      case 1:
        elsewhere = !f.Binary().empty();
        break;
      case 3:
        if (f.IsStruct()) ReadMetadata(reader);
        break;
      case 8:
        encrypted = true;
        f.Skip();
        break;
      default:
        f.Skip();
    }
  }
}

void RawChunk::ReadMetadata(CompactReader* reader) {
  for (CompactFields f(reader); f.Next();) {
    switch (f.id()) {
      case 3: {
        const size_t depth = f.List(CompactType::kBinary);
        is_text = depth == 1;
        for (size_t i = 0; i < depth && reader->ok(); ++i) {
          is_text &= reader->Binary() == "text";
        }
        break;
      }
      case 4:
        codec = f.Integer();
        break;
      case 5:
        values = f.Integer();
        break;
      case 7:
        bytes = f.Integer();
        break;
      case 9:
        data_start = f.Integer();
        break;
      case 11:
        dictionary_start = f.Integer();
        break;
      default:
        f.Skip();
    }
  }
}

// What `raw` says, after those before it, of a row group of `rows` rows.
absl::Status AddChunk(const RawChunk& raw, int64_t rows, uint64_t pages_end,
                      TextColumn* column) {
  if (raw.encrypted) return Error("encrypted");
  if (raw.elsewhere) return Error("in another file");
  if (!raw.is_text) return Error("it is not where the schema has it");
  if (raw.codec != 0 && raw.codec != 1) {
    return Error("compressed with ", CodecName(raw.codec),
                 "; only SNAPPY and UNCOMPRESSED are read");
  }
  if (!IsWithin(rows, 0) || raw.values != rows) {
    return Error("a row group of ", rows, " rows with ", raw.values,
                 " values in the column");
  }
  // Some writers set an absent dictionary's place to 0.
  const int64_t start = raw.dictionary_start > 0
                            ? std::min(raw.data_start, raw.dictionary_start)
                            : raw.data_start;
  const ColumnChunk* last =
      column->chunks.empty() ? nullptr : &column->chunks.back();
  ColumnChunk chunk;
  chunk.first_row = last == nullptr ? 0 : last->end_row();
  chunk.rows = static_cast<uint64_t>(rows);
  chunk.codec = static_cast<Codec>(raw.codec);
  chunk.start = last == nullptr ? kFirstPage : last->end();
  if (rows > 0) {
    if (!IsWithin(start, kFirstPage) || !IsWithin(raw.bytes, 0) ||
        static_cast<uint64_t>(start + raw.bytes) > pages_end) {
      return Error("its pages are not inside the file");
    }
    if (static_cast<uint64_t>(start) < chunk.start) {
      return Error("its pages start before those of the row group before end");
    }
    chunk.start = static_cast<uint64_t>(start);
    chunk.bytes = static_cast<uint64_t>(raw.bytes);
  }
  if (chunk.end_row() > uint64_t{kMaxOffset}) return Error("too many rows");
  column->chunks.push_back(chunk);
  return absl::OkStatus();
}

// RowGroup of parquet.thrift. What the reader finds wrong is left to the
// caller.
absl::Status ReadRowGroup(const Schema& schema, uint64_t pages_end,
                          CompactReader* reader, TextColumn* column) {
  RawChunk raw;
  bool found = false;
  int64_t rows = -1;
  for (CompactFields f(reader); f.Next();) {
    if (f.id() == 1) {
      const size_t count = f.List(CompactType::kStruct);
      for (size_t leaf = 0; leaf < count && reader->ok(); ++leaf) {
        if (leaf == schema.leaf()) {
          raw.Read(reader);
          found = true;
        } else {
          reader->Skip(CompactType::kStruct);
        }
      }
    } else if (f.id() == 3) {
      rows = f.Integer();
    } else {
      f.Skip();
    }
  }
  if (!reader->ok()) return absl::OkStatus();
  if (!found) return Error("it is not there");
  return AddChunk(raw, rows, pages_end, column);
}

absl::Status ReadRowGroups(size_t count, const Schema& schema,
                           uint64_t pages_end, CompactReader* reader,
                           TextColumn* column) {
  for (size_t group = 0; group < count && reader->ok(); ++group) {
    const absl::Status status = ReadRowGroup(schema, pages_end, reader, column);
    if (!status.ok()) return InRowGroup(group, status);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status InRowGroup(size_t group, const absl::Status& rule) {
  return Error("row group ", group, ", column text: ", rule.message());
}

absl::StatusOr<TextColumn> ParseFileMetadata(absl::string_view bytes,
                                             uint64_t pages_end) {
  CompactReader reader(bytes);
  Schema schema;
  bool has_schema = false;
  int64_t rows = -1;
  TextColumn column;
  for (CompactFields f(&reader); f.Next();) {
    absl::Status status;
    switch (f.id()) {
      case 2:
        status = schema.Read(f.List(CompactType::kStruct), &reader);
        has_schema = true;
        break;
      case 3:
        rows = f.Integer();
        break;
      case 4:
        if (!has_schema)
          return Error("its metadata: row groups, but no schema");
        status = ReadRowGroups(f.List(CompactType::kStruct), schema, pages_end,
                               &reader, &column);
        break;
      default:
        f.Skip();
    }
    if (!status.ok() && reader.ok()) return status;
  }
  if (!reader.ok()) return Error("its metadata: ", reader.rule());
  if (!has_schema) return Error("its metadata: no schema");
  if (reader.left() > 0) return Error("its metadata: more follows their end");
  const uint64_t found =
      column.chunks.empty() ? 0 : column.chunks.back().end_row();
  if (rows < 0 || static_cast<uint64_t>(rows) != found) {
    return Error("row groups of ", found, " rows in a file of ", rows);
  }
  column.optional = schema.optional();
  return column;
}

}  // namespace polarize
