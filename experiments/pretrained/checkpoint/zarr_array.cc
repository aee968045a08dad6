#include "experiments/pretrained/checkpoint/zarr_array.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/pretrained/checkpoint/zstd_source.h"
#include "experiments/run/file.h"

namespace polarize {
namespace {

constexpr size_t kMostZarrayBytes = size_t{64} << 10;

// The chunk's place in the grid.
std::vector<uint64_t> CellOf(const Zarray& zarray, uint64_t chunk) {
  const std::vector<uint64_t> grid = zarray.Grid();
  std::vector<uint64_t> cell(grid.size());
  for (size_t axis = grid.size(); axis-- > 0;) {
    cell[axis] = chunk % grid[axis];
    chunk /= grid[axis];
  }
  return cell;
}

// How a chunk's elements lie in the array. Axes from `axis` on make a run that
// is without gaps in both: behind that axis a chunk is as wide as the array.
class Walk {
 public:
  Walk(const Zarray& zarray, uint64_t chunk, ExactSource& source,
       PieceSink sink)
      : box_(ChunkBox(zarray, chunk)),
        chunks_(zarray.chunks),
        element_bytes_(ElementBytes(zarray.type)),
        source_(source),
        sink_(sink) {
    const size_t axes = zarray.shape.size();
    strides_.assign(axes, 1);
    for (size_t i = axes; i-- > 1;) {
      strides_[i - 1] = strides_[i] * zarray.shape[i];
    }
    if (axes > 0) {
      axis_ = axes - 1;
      while (axis_ > 0 && chunks_[axis_] == zarray.shape[axis_]) --axis_;
      for (size_t i = axis_; i < axes; ++i) run_ *= chunks_[i];
      used_ = (box_[axis_].end - box_[axis_].begin) * (run_ / chunks_[axis_]);
    }
    piece_.resize(std::min<uint64_t>(run_ * element_bytes_, kMostPieceBytes));
  }

  // All of it: the runs below the axes before axis_.
  absl::Status Run() {
    std::vector<uint64_t> at(axis_, 0);  // inside of the chunk
    for (;;) {
      if (absl::Status status = OneRun(at); !status.ok()) return status;
      size_t i = axis_;
      while (i > 0 && ++at[i - 1] == chunks_[i - 1]) at[--i] = 0;
      if (i == 0) return absl::OkStatus();
    }
  }

 private:
  absl::Status OneRun(absl::Span<const uint64_t> at) {
    uint64_t first = box_.empty() ? 0 : box_[axis_].begin * strides_[axis_];
    bool inside = true;
    for (size_t i = 0; i < at.size(); ++i) {
      inside &= box_[i].begin + at[i] < box_[i].end;
      first += (box_[i].begin + at[i]) * strides_[i];
    }
    const uint64_t used = inside ? used_ : 0;
    for (uint64_t done = 0; done < run_;) {
      const uint64_t end = done < used ? used : run_;
      const size_t count = static_cast<size_t>(
          std::min<uint64_t>(end - done, piece_.size() / element_bytes_));
      const absl::Span<char> piece =
          absl::MakeSpan(piece_.data(), count * element_bytes_);
      absl::Status status = source_.Read(piece);
      if (status.ok() && done < used) status = sink_(first + done, piece);
      if (!status.ok()) return status;
      done += count;
    }
    return absl::OkStatus();
  }

  const std::vector<AxisRange> box_;
  const std::vector<uint64_t> chunks_;
  const size_t element_bytes_;
  ExactSource& source_;
  const PieceSink sink_;
  std::vector<uint64_t> strides_;  // of the array
  size_t axis_ = 0;
  uint64_t run_ = 1;   // elements
  uint64_t used_ = 1;  // of these, inside of the array along axis_
  std::vector<char> piece_;
};

}  // namespace

std::vector<AxisRange> ChunkBox(const Zarray& zarray, uint64_t chunk) {
  const std::vector<uint64_t> cell = CellOf(zarray, chunk);
  std::vector<AxisRange> box(cell.size());
  for (size_t i = 0; i < cell.size(); ++i) {
    box[i].begin = cell[i] * zarray.chunks[i];
    box[i].end = std::min(box[i].begin + zarray.chunks[i], zarray.shape[i]);
  }
  return box;
}

absl::Status ReadChunkBytes(const Zarray& zarray, uint64_t chunk,
                            ByteSource& source, PieceSink sink) {
  ExactSource exact(source, zarray.ChunkBytes());
  absl::Status status = Walk(zarray, chunk, exact, sink).Run();
  return status.ok() ? exact.ExpectEnd() : status;
}

absl::StatusOr<ZarrArray> ZarrArray::Open(const std::string& root,
                                          const std::string& name) {
  std::string folder = absl::StrCat(root, "/", name);
  absl::StatusOr<std::string> text =
      ReadFile(absl::StrCat(folder, "/.zarray"), kMostZarrayBytes);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(absl::StrCat(name, ": there is no such array (",
                                            folder, "/.zarray is missing)"));
  }
  if (!text.ok()) {
    return absl::Status(text.status().code(),
                        absl::StrCat(name, ": ", text.status().message()));
  }
  absl::StatusOr<Zarray> zarray = ParseZarray(*text);
  if (!zarray.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, ": ", folder, "/.zarray: ", zarray.status().message()));
  }
  return ZarrArray(std::move(folder), name, *std::move(text),
                   *std::move(zarray));
}

ZarrArray::ZarrArray(std::string folder, std::string name, std::string text,
                     Zarray zarray)
    : folder_(std::move(folder)),
      name_(std::move(name)),
      text_(std::move(text)),
      zarray_(std::move(zarray)) {}

std::vector<AxisRange> ZarrArray::Box(uint64_t chunk) const {
  return ChunkBox(zarray_, chunk);
}

uint64_t ZarrArray::ElementsIn(uint64_t chunk) const {
  uint64_t elements = 1;
  for (const AxisRange& range : Box(chunk)) elements *= range.end - range.begin;
  return elements;
}

std::string ZarrArray::Key(uint64_t chunk) const {
  const std::vector<uint64_t> cell = CellOf(zarray_, chunk);
  if (cell.empty()) return "0";
  return absl::StrJoin(cell, std::string(1, zarray_.separator));
}

absl::StatusOr<absl::optional<uint64_t>> ZarrArray::FileBytes(
    uint64_t chunk) const {
  const std::string path = absl::StrCat(folder_, "/", Key(chunk));
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return absl::optional<uint64_t>();
    return Error(chunk, absl::ErrnoToStatus(
                            errno, absl::StrCat("cannot look at ", path)));
  }
  if (!S_ISREG(info.st_mode)) {
    return Error(chunk, absl::InvalidArgumentError(
                            absl::StrCat(path, " is not a regular file")));
  }
  return absl::optional<uint64_t>(static_cast<uint64_t>(info.st_size));
}

absl::Status ZarrArray::Error(uint64_t chunk,
                              const absl::Status& status) const {
  return absl::Status(status.code(), absl::StrCat(name_, ": chunk ", Key(chunk),
                                                  ": ", status.message()));
}

absl::Status ZarrArray::ReadFrom(uint64_t chunk, ByteSource& source,
                                 PieceSink sink) const {
  absl::Status taken;
  const absl::Status status =
      ReadChunkBytes(zarray_, chunk, source,
                     [&](uint64_t first, absl::Span<const char> bytes) {
                       taken = sink(first, bytes);
                       return taken;
                     });
  return status.ok() || !taken.ok() ? status : Error(chunk, status);
}

absl::Status ZarrArray::ReadChunk(uint64_t chunk, PieceSink sink) const {
  absl::StatusOr<FileSource> file =
      FileSource::Open(absl::StrCat(folder_, "/", Key(chunk)));
  if (!file.ok()) return Error(chunk, file.status());
  if (!zarray_.zstd) return ReadFrom(chunk, *file, sink);
  ZstdSource plain(*file);
  return ReadFrom(chunk, plain, sink);
}

absl::Status ZarrArray::ReadZeros(uint64_t chunk, PieceSink sink) const {
  ZeroSource zeros(zarray_.ChunkBytes());
  return ReadFrom(chunk, zeros, sink);
}

}  // namespace polarize
