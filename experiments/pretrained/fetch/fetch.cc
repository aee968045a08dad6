#include "experiments/pretrained/fetch/fetch.h"

#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/pretrained/fetch/folder_guard.h"
#include "experiments/pretrained/fetch/lock_file.h"
#include "experiments/pretrained/fetch/transfer.h"

namespace polarize {
namespace {

absl::Status CheckSource(const CheckpointLock& lock,
                         const CheckpointSource& source,
                         const std::string& folder) {
  if (!lock.has_prefix() ||
      (lock.bucket() == source.bucket && lock.prefix() == source.prefix)) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(folder, " is of another checkpoint, ", lock.bucket(), "/",
                   lock.prefix(), ": name another folder"));
}

absl::StatusOr<std::vector<StoreObject>> List(const FetchOptions& options) {
  HttpOptions http = options.http;
  http.cancelled = options.cancelled;
  const absl::StatusOr<std::unique_ptr<HttpClient>> client =
      HttpClient::Create(http);
  if (!client.ok()) return client.status();
  Retrier retrier(
      options.retry,
      [&](absl::Duration wait, const absl::Status&) {
        return WaitUnless(options.cancelled, wait);
      },
      std::random_device()());
  return ListCheckpoint(options.source, **client, retrier);
}

absl::StatusOr<std::vector<StoreObject>> Objects(const FetchOptions& options,
                                                 const CheckpointLock& lock) {
  if (options.offline) return LockedObjects(lock);
  absl::StatusOr<std::vector<StoreObject>> objects = List(options);
  if (!objects.ok()) return objects.status();
  const absl::Status agrees = CheckAgainstLock(*objects, lock);
  if (!agrees.ok()) return agrees;
  return objects;
}

// Nothing may be missing where the store is not asked.
absl::Status CheckNothingMissing(const Plan& plan) {
  for (const PlannedFile& file : plan.files) {
    if (file.action == PlannedFile::kFetch) {
      return absl::NotFoundError(absl::StrCat(
          file.path, " is missing (and --offline forbids to fetch it)"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Plan> PlanFor(const FetchOptions& options,
                             const CheckpointLock& lock) {
  const absl::Status same = CheckSource(lock, options.source, options.folder);
  if (!same.ok()) return same;
  const absl::StatusOr<std::vector<StoreObject>> objects =
      Objects(options, lock);
  if (!objects.ok()) return objects.status();
  absl::StatusOr<Plan> plan =
      MakePlan(options.folder, *objects, lock, options.quick);
  if (!plan.ok()) return plan.status();
  const absl::Status fits =
      options.offline ? CheckNothingMissing(*plan)
                      : CheckSpace(ExistingFolder(options.folder),
                                   plan->MissingBytes(), "checkpoint_dir");
  if (!fits.ok()) return fits;
  return plan;
}

absl::Status CarryOut(const FetchOptions& options, const Plan& plan,
                      const std::string& lock_path, CheckpointLock lock,
                      Progress* progress) {
  const std::string before = lock.SerializeAsString();
  lock.set_bucket(options.source.bucket);
  lock.set_prefix(options.source.prefix);
  RemoveStaleFiles(options.folder, plan);
  const absl::Status done =
      Transfer(options, plan, lock_path, lock, progress).Run();
  if (done.ok()) lock.set_complete(true);
  if (lock.SerializeAsString() == before) return done;
  const absl::Status written = WriteLock(lock_path, std::move(lock));
  return done.ok() ? written : done;
}

}  // namespace

absl::StatusOr<Plan> FetchCheckpoint(const FetchOptions& options,
                                     Progress* progress) {
  const std::string lock_path = absl::StrCat(options.folder, "/", kLockName);
  if (options.dry_run) {
    const absl::StatusOr<CheckpointLock> lock = ReadLock(lock_path);
    if (!lock.ok()) return lock.status();
    return PlanFor(options, *lock);
  }
  const absl::StatusOr<FolderGuard> guard =
      FolderGuard::Take(options.folder, "fetch", "fetching");
  if (!guard.ok()) return guard.status();
  absl::StatusOr<CheckpointLock> lock = ReadLock(lock_path);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<Plan> plan = PlanFor(options, *lock);
  if (!plan.ok()) return plan;
  const absl::Status done =
      CarryOut(options, *plan, lock_path, *std::move(lock), progress);
  if (!done.ok()) return done;
  return plan;
}

}  // namespace polarize
