#include "experiments/pretrained/fetch/transfer.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "experiments/pretrained/fetch/checksum.h"
#include "experiments/pretrained/fetch/download.h"
#include "experiments/pretrained/fetch/lock_file.h"

namespace polarize {
namespace {

constexpr absl::Duration kLook = absl::Milliseconds(50);
// Shorter waits are not worth a line.
constexpr absl::Duration kLongWait = absl::Seconds(5);

absl::Status Differs(const PlannedFile& file, const std::string& how) {
  return absl::DataLossError(
      absl::StrCat(file.path, " is not what it should be: ", how,
                   ". Remove the file to have it fetched again"));
}

}  // namespace

bool WaitUnless(const std::function<bool()>& cancelled, absl::Duration wait) {
  const absl::Time end = absl::Now() + wait;
  while (!cancelled()) {
    const absl::Duration left = end - absl::Now();
    if (left <= absl::ZeroDuration()) return true;
    absl::SleepFor(std::min(left, kLook));
  }
  return false;
}

Transfer::Transfer(const FetchOptions& options, const Plan& plan,
                   const std::string& lock_path, CheckpointLock& lock,
                   Progress* progress)
    : options_(options),
      plan_(plan),
      lock_path_(lock_path),
      progress_(progress),
      lock_(lock) {}

absl::Status Transfer::Run() {
  const size_t jobs = std::min(options_.jobs, plan_.files.size());
  working_ = jobs;
  std::vector<std::thread> workers;
  for (size_t i = 0; i < jobs; ++i) {
    workers.emplace_back([this, i] { Work(i); });
  }
  Watch();
  for (std::thread& worker : workers) worker.join();
  if (progress_ != nullptr) progress_->Finish();
  if (!status_.ok()) return status_;
  if (options_.cancelled()) return absl::CancelledError("interrupted");
  return absl::OkStatus();
}

void Transfer::Work(size_t worker) {
  HttpOptions http = options_.http;
  http.cancelled = [this] { return Stopped(); };
  const absl::StatusOr<std::unique_ptr<HttpClient>> client =
      HttpClient::Create(http);
  if (!client.ok()) Fail(client.status());
  Retrier retrier(
      options_.retry,
      [this](absl::Duration wait, const absl::Status& failure) {
        return WaitAfter(wait, failure);
      },
      std::random_device()() + worker);
  while (const PlannedFile* const file = Next()) {
    const absl::Status status = Do(*file, **client, retrier);
    if (!status.ok()) Fail(status);
  }
  const std::lock_guard<std::mutex> hold(mutex_);
  --working_;
  worker_ended_.notify_one();
}

const PlannedFile* Transfer::Next() {
  if (Stopped()) return nullptr;
  const std::lock_guard<std::mutex> hold(mutex_);
  return next_ < plan_.files.size() ? &plan_.files[next_++] : nullptr;
}

absl::Status Transfer::Do(const PlannedFile& file, HttpClient& client,
                          Retrier& retrier) {
  absl::Status status;
  switch (file.action) {
    case PlannedFile::kFetch:
      status = Fetch(file, client, retrier);
      break;
    case PlannedFile::kVerify:
      status = Verify(file);
      break;
    case PlannedFile::kTrust:
      Count(static_cast<int64_t>(file.object.size));
      break;
  }
  if (!status.ok()) return status;
  const std::lock_guard<std::mutex> hold(mutex_);
  ++files_done_;
  return absl::OkStatus();
}

absl::Status Transfer::Fetch(const PlannedFile& file, HttpClient& client,
                             Retrier& retrier) {
  Download download;
  download.url = ObjectUrl(options_.source, file.object);
  download.object = file.object;
  download.sha256 = file.sha256;
  download.path = file.path;
  const absl::StatusOr<Checksums> sums = FetchObject(
      download, [this] { return Stopped(); },
      [this](int64_t bytes) { Count(bytes); }, client, retrier);
  if (!sums.ok()) return sums.status();
  return Lock(file, sums->sha256, /*write=*/true);
}

absl::Status Transfer::Verify(const PlannedFile& file) {
  StreamChecksums stream;
  const absl::StatusOr<uint64_t> size = AddFile(
      file.path, [this] { return Stopped(); },
      [this](uint64_t bytes) { Count(static_cast<int64_t>(bytes)); }, stream);
  if (!size.ok()) return size.status();
  const Checksums sums = stream.Get();
  if (*size != file.object.size) {
    return Differs(
        file, absl::StrCat("it has ", *size, " bytes, not ", file.object.size));
  }
  if (sums.crc32c != file.object.crc32c) {
    return Differs(
        file, absl::StrCat("crc32c ", Crc32cText(sums.crc32c), ", the store's ",
                           Crc32cText(file.object.crc32c)));
  }
  if (!file.sha256.empty() && sums.sha256 != file.sha256) {
    return Differs(file, absl::StrCat("sha256 ", sums.sha256, ", the lock's ",
                                      file.sha256));
  }
  return Lock(file, sums.sha256, /*write=*/false);
}

absl::Status Transfer::Lock(const PlannedFile& file, const std::string& sha256,
                            bool write) {
  if (!file.sha256.empty()) return absl::OkStatus();  // is locked
  const std::lock_guard<std::mutex> hold(mutex_);
  LockedObject& locked = *lock_.add_object();
  locked.set_path(file.object.path);
  locked.set_size(file.object.size);
  locked.set_generation(file.object.generation);
  locked.set_crc32c(Crc32cText(file.object.crc32c));
  locked.set_sha256(sha256);
  return write ? WriteLock(lock_path_, lock_) : absl::OkStatus();
}

void Transfer::Fail(const absl::Status& status) {
  const std::lock_guard<std::mutex> hold(mutex_);
  // What the others report after it is only that they were stopped.
  if (status_.ok()) status_ = status;
  stop_ = true;
}

void Transfer::Count(int64_t bytes) {
  bytes_done_ += bytes;
  if (bytes > 0) bytes_moved_ += static_cast<uint64_t>(bytes);
}

void Transfer::Watch() {
  std::unique_lock<std::mutex> hold(mutex_);
  while (working_ > 0) {
    worker_ended_.wait_for(hold, std::chrono::milliseconds(100));
    Show();
  }
}

void Transfer::Show() {
  if (progress_ == nullptr || !progress_->Due()) return;
  rate_.Add(absl::Now(), bytes_moved_);
  TransferState state;
  state.bytes_done = static_cast<uint64_t>(std::max<int64_t>(0, bytes_done_));
  state.bytes = plan_.Bytes(PlannedFile::kFetch) +
                plan_.Bytes(PlannedFile::kVerify) +
                plan_.Bytes(PlannedFile::kTrust);
  state.files_done = files_done_;
  state.files = plan_.files.size();
  state.bytes_per_second = rate_.BytesPerSecond();
  progress_->Show(TransferLine(state));
}

bool Transfer::WaitAfter(absl::Duration wait, const absl::Status& failure) {
  if (wait >= kLongWait && progress_ != nullptr) {
    const std::lock_guard<std::mutex> hold(mutex_);
    progress_->Print(
        absl::StrCat("waiting ", FormatTime(wait), ": ", failure.message()));
  }
  return WaitUnless([this] { return Stopped(); }, wait);
}

}  // namespace polarize
