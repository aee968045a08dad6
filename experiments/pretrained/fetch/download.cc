#include "experiments/pretrained/fetch/download.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/fetch/partial_file.h"

namespace polarize {
namespace {

// Writes a response to the end of a partial file, if it is the part that was
// asked for.
class ObjectSink : public HttpSink {
 public:
  ObjectSink(const Download& download, const ByteCount& count,
             PartialFile& file)
      : download_(download), count_(count), file_(file) {}

  absl::Status Begin(const HttpHead& head) override;
  absl::Status Take(absl::string_view bytes) override;

 private:
  const StoreObject& object() const { return download_.object; }
  absl::Status Drop();
  // Drops what there is, and says why; to be tried again.
  absl::Status DropBecause(const std::string& why);

  const Download& download_;
  const ByteCount& count_;
  PartialFile& file_;
};

absl::Status ObjectSink::Drop() {
  count_(-static_cast<int64_t>(file_.size()));
  return file_.Restart();
}

absl::Status ObjectSink::DropBecause(const std::string& why) {
  const absl::Status dropped = Drop();
  if (!dropped.ok()) return dropped;
  return absl::UnavailableError(absl::StrCat(object().path, ": ", why));
}

absl::Status ObjectSink::Begin(const HttpHead& head) {
  if (head.generation.has_value() && *head.generation != object().generation) {
    return absl::FailedPreconditionError(absl::StrCat(
        object().path, " has changed in the store while it was being fetched",
        " (generation ", object().generation, " was listed, ", *head.generation,
        " is there): start again"));
  }
  if (head.status == 206) {
    if (head.range_first != file_.size()) {
      return DropBecause("the server sent another range than asked for");
    }
    if (head.range_total.has_value() && *head.range_total != object().size) {
      return DropBecause(absl::StrCat("the server says it has ",
                                      *head.range_total, " bytes, but listed ",
                                      object().size));
    }
    return absl::OkStatus();
  }
  // All of it: this server knows no ranges, or none was asked for.
  if (file_.size() > 0) {
    if (absl::Status status = Drop(); !status.ok()) return status;
  }
  if (head.length.has_value() && *head.length != object().size) {
    return DropBecause(absl::StrCat("the server sends ", *head.length,
                                    " bytes, but listed ", object().size));
  }
  return absl::OkStatus();
}

absl::Status ObjectSink::Take(absl::string_view bytes) {
  if (bytes.size() > object().size - file_.size()) {
    return DropBecause(absl::StrCat("the server sends more than the ",
                                    object().size, " bytes that it listed"));
  }
  const uint64_t before = file_.size();
  const absl::Status status = file_.Append(bytes);
  count_(static_cast<int64_t>(file_.size() - before));
  return status;
}

class Fetcher {
 public:
  Fetcher(const Download& download, const ByteCount& count, HttpClient& client,
          PartialFile& file)
      : download_(download),
        count_(count),
        client_(client),
        file_(file),
        furthest_(file.size()) {}

  // Gets what is missing, and looks whether what is there then is right.
  Attempt Try();

 private:
  absl::Status GetRest(Attempt& attempt);
  absl::Status Check();
  absl::Status DropBadCopy(const std::string& what);

  const Download& download_;
  const ByteCount& count_;
  HttpClient& client_;
  PartialFile& file_;
  uint64_t furthest_;
  int bad_copies_ = 0;
};

Attempt Fetcher::Try() {
  Attempt attempt;
  attempt.status = GetRest(attempt);
  attempt.progress = file_.size() > furthest_;
  furthest_ = std::max(furthest_, file_.size());
  if (attempt.status.ok()) attempt.status = Check();
  return attempt;
}

absl::Status Fetcher::GetRest(Attempt& attempt) {
  const StoreObject& object = download_.object;
  if (file_.size() == object.size && object.size > 0) return absl::OkStatus();
  ObjectSink sink(download_, count_, file_);
  attempt = client_.Get(download_.url, file_.size(), sink);
  if (absl::IsOutOfRange(attempt.status)) {
    count_(-static_cast<int64_t>(file_.size()));
    const absl::Status dropped = file_.Restart();
    return dropped.ok() ? absl::UnavailableError(attempt.status.message())
                        : dropped;
  }
  if (absl::IsNotFound(attempt.status)) {
    return absl::FailedPreconditionError(absl::StrCat(
        object.path,
        " has changed in the store or is gone since it was "
        "listed (generation ",
        object.generation, " is no longer there): ", "start again"));
  }
  if (attempt.status.ok() && file_.size() != object.size) {
    return absl::UnavailableError(
        absl::StrCat(object.path, ": the server sent ", file_.size(), " of ",
                     object.size, " bytes"));
  }
  return attempt.status;
}

absl::Status Fetcher::Check() {
  const Checksums sums = file_.checksums();
  if (sums.crc32c != download_.object.crc32c) {
    return DropBadCopy(absl::StrCat("crc32c ", Crc32cText(sums.crc32c),
                                    ", the store's ",
                                    Crc32cText(download_.object.crc32c)));
  }
  if (!download_.sha256.empty() && sums.sha256 != download_.sha256) {
    return DropBadCopy(absl::StrCat("sha256 ", sums.sha256, ", the lock's ",
                                    download_.sha256));
  }
  return absl::OkStatus();
}

absl::Status Fetcher::DropBadCopy(const std::string& what) {
  count_(-static_cast<int64_t>(file_.size()));
  const absl::Status dropped = file_.Restart();
  if (!dropped.ok()) return dropped;
  const std::string text = absl::StrCat(
      download_.object.path, ": the bytes that arrived are wrong: ", what);
  if (++bad_copies_ < kMostBadCopies) return absl::UnavailableError(text);
  return absl::DataLossError(
      absl::StrCat(text, " (fetched ", bad_copies_, " times)"));
}

}  // namespace

absl::StatusOr<Checksums> FetchObject(const Download& download,
                                      const std::function<bool()>& cancelled,
                                      const ByteCount& count,
                                      HttpClient& client, Retrier& retrier) {
  absl::StatusOr<PartialFile> file = PartialFile::Open(
      download.path, download.object.generation, download.object.size,
      cancelled, [&](uint64_t bytes) { count(static_cast<int64_t>(bytes)); });
  if (!file.ok()) return file.status();
  Fetcher fetcher(download, count, client, *file);
  const absl::Status fetched = retrier.Run([&] { return fetcher.Try(); });
  if (!fetched.ok()) return fetched;
  const Checksums sums = file->checksums();
  const absl::Status finished = file->Finish();
  if (!finished.ok()) return finished;
  return sums;
}

}  // namespace polarize
