#include "experiments/pretrained/fetch/store.h"

#include <algorithm>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/pretrained/fetch/checksum.h"
#include "experiments/pretrained/fetch/object_name.h"
#include "experiments/run/json_depth.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace polarize {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;

constexpr char kBucket[] = "axlearn-public";
constexpr char kSoftmaxRun[] = "gala-7B-hybridnorm-alibi-sprp-2024-12-02-1445";
constexpr char kSigmoidRun[] =
    "gala-7B-sigmoid-hybridnorm-alibi-sprp-2024-12-03-1002";

constexpr char kIndex[] = "index";
constexpr char kWeights[] = "gda/model/";

// The real checkpoints have some hundred objects.
constexpr size_t kMostObjects = 100000;
constexpr size_t kMostPages = 1000;
constexpr size_t kMostBytesOfPage = size_t{16} << 20;

absl::Status ListingError(absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("the store's list of objects: ", what));
}

// The text in `field`, or null.
const std::string* TextIn(const Struct& object, const std::string& field) {
  const auto found = object.fields().find(field);
  if (found == object.fields().end()) return nullptr;
  if (found->second.kind_case() != Value::kStringValue) return nullptr;
  return &found->second.string_value();
}

absl::StatusOr<uint64_t> NumberIn(const Struct& object,
                                  const std::string& field,
                                  absl::string_view path) {
  const std::string* const text = TextIn(object, field);
  uint64_t number;
  // 64-bit numbers are texts in the store's JSON.
  if (text == nullptr || !absl::SimpleAtoi(*text, &number)) {
    return ListingError(
        absl::StrCat(path, ": ", field, " is missing or not a whole number"));
  }
  return number;
}

bool IsFolderMark(absl::string_view name, const Struct& object) {
  const std::string* const size = TextIn(object, "size");
  return absl::EndsWith(name, "/") && size != nullptr && *size == "0";
}

absl::StatusOr<StoreObject> ParseObject(const Struct& item,
                                        absl::string_view path) {
  StoreObject object;
  object.path = std::string(path);
  const absl::StatusOr<uint64_t> size = NumberIn(item, "size", path);
  if (!size.ok()) return size.status();
  object.size = *size;
  const absl::StatusOr<uint64_t> generation =
      NumberIn(item, "generation", path);
  if (!generation.ok()) return generation.status();
  object.generation = *generation;
  const std::string* const crc32c = TextIn(item, "crc32c");
  if (crc32c == nullptr) {
    return ListingError(absl::StrCat(
        path, ": crc32c is missing, without which nothing can be checked"));
  }
  const absl::StatusOr<uint32_t> parsed = ParseCrc32c(*crc32c);
  if (!parsed.ok()) {
    return ListingError(
        absl::StrCat(path, ": crc32c: ", parsed.status().message()));
  }
  object.crc32c = *parsed;
  return object;
}

absl::Status AddItem(const Value& item, absl::string_view prefix,
                     std::vector<StoreObject>& objects) {
  if (item.kind_case() != Value::kStructValue) {
    return ListingError("an item is not an object");
  }
  const std::string* const name = TextIn(item.struct_value(), "name");
  if (name == nullptr) return ListingError("an item has no name");
  absl::string_view path = *name;
  if (!absl::ConsumePrefix(&path, prefix)) {
    return ListingError(absl::StrCat(
        "\"", absl::CHexEscape(path.substr(0, 100)),
        "\" does not begin with the prefix that was asked for, ", prefix));
  }
  if (IsFolderMark(*name, item.struct_value())) return absl::OkStatus();
  if (absl::Status status = CheckObjectPath(path); !status.ok()) return status;
  absl::StatusOr<StoreObject> object = ParseObject(item.struct_value(), path);
  if (!object.ok()) return object.status();
  objects.push_back(*std::move(object));
  return absl::OkStatus();
}

std::string ListUrl(const CheckpointSource& source, absl::string_view below,
                    absl::string_view page) {
  std::string url = absl::StrCat(
      source.base_url, "/storage/v1/b/", UrlEscape(source.bucket, false),
      "/o?prefix=", UrlEscape(absl::StrCat(source.prefix, below), false),
      "&fields=",
      UrlEscape("items(name,size,generation,crc32c),nextPageToken", false));
  if (!page.empty()) {
    absl::StrAppend(&url, "&pageToken=", UrlEscape(page, false));
  }
  return url;
}

absl::Status WithAdvice(const absl::Status& status,
                        const CheckpointSource& source) {
  if (!absl::IsPermissionDenied(status) && !absl::IsNotFound(status)) {
    return status;
  }
  return absl::Status(
      status.code(),
      absl::StrCat(status.message(), ": the bucket ", source.bucket,
                   " cannot be listed without an account. Set ",
                   "POLARIZE_STORE_TOKEN_FILE to a file with an access token "
                   "of an account that may, or copy ",
                   source.prefix,
                   " by other means and name the copy with --checkpoint_dir "
                   "and --offline"));
}

// The objects whose paths begin with `below`, from every page.
absl::Status ListBelow(const CheckpointSource& source, absl::string_view below,
                       HttpClient& client, Retrier& retrier,
                       std::vector<StoreObject>& objects) {
  std::string next_page;
  for (size_t pages = 0; pages < kMostPages; ++pages) {
    HttpText answer(kMostBytesOfPage);
    const std::string url = ListUrl(source, below, next_page);
    const absl::Status status =
        retrier.Run([&] { return client.Get(url, 0, answer); });
    if (!status.ok()) return WithAdvice(status, source);
    absl::StatusOr<ListingPage> page =
        ParseListing(answer.text(), source.prefix);
    if (!page.ok()) return page.status();
    objects.insert(objects.end(), page->objects.begin(), page->objects.end());
    if (objects.size() > kMostObjects) break;
    if (page->next_page.empty()) return absl::OkStatus();
    if (page->next_page == next_page) {
      return ListingError("a page names itself as the next one");
    }
    next_page = std::move(page->next_page);
  }
  return ListingError(
      absl::StrCat("it does not end, after ", objects.size(), " objects"));
}

absl::Status CheckPaths(const std::vector<StoreObject>& objects) {
  std::set<absl::string_view> paths;
  for (const StoreObject& object : objects) {
    if (!paths.insert(object.path).second) {
      return ListingError(absl::StrCat(object.path, " is there twice"));
    }
  }
  for (const absl::string_view path : paths) {
    for (size_t at = path.find('/'); at != path.npos;
         at = path.find('/', at + 1)) {
      if (paths.count(path.substr(0, at)) > 0) {
        return ListingError(absl::StrCat(
            path.substr(0, at), " is a file and the folder of ", path));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CheckpointSource> PublicCheckpoint(absl::string_view model) {
  CheckpointSource source;
  source.bucket = kBucket;
  const char* run = nullptr;
  if (model == "softmax") run = kSoftmaxRun;
  if (model == "sigmoid") run = kSigmoidRun;
  if (run == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--model=", model, ": must be softmax or sigmoid"));
  }
  source.prefix =
      absl::StrCat("experiments/", run, "/checkpoints/step_00250000/");
  return source;
}

absl::StatusOr<ListingPage> ParseListing(absl::string_view json,
                                         absl::string_view prefix) {
  if (IsJsonDeeperThan(json, kMostJsonDepth)) {
    return ListingError(absl::StrCat("brackets deeper than ", kMostJsonDepth));
  }
  Struct answer;
  const google::protobuf::util::Status parsed =
      google::protobuf::util::JsonStringToMessage(
          google::protobuf::StringPiece(json.data(), json.size()), &answer);
  if (!parsed.ok()) return ListingError("not a JSON object");
  ListingPage page;
  if (const std::string* const next = TextIn(answer, "nextPageToken")) {
    page.next_page = *next;
  }
  const auto items = answer.fields().find("items");
  if (items == answer.fields().end()) return page;
  if (items->second.kind_case() != Value::kListValue) {
    return ListingError("items is not a list");
  }
  for (const Value& item : items->second.list_value().values()) {
    const absl::Status status = AddItem(item, prefix, page.objects);
    if (!status.ok()) return status;
  }
  return page;
}

absl::StatusOr<std::vector<StoreObject>> ListCheckpoint(
    const CheckpointSource& source, HttpClient& client, Retrier& retrier) {
  std::vector<StoreObject> objects;
  for (const char* const below : {kIndex, kWeights}) {
    const absl::Status status =
        ListBelow(source, below, client, retrier, objects);
    if (!status.ok()) return status;
    // A prefix is not a folder: what was asked for may not be all that came.
    objects.erase(std::remove_if(objects.begin(), objects.end(),
                                 [](const StoreObject& object) {
                                   return object.path != kIndex &&
                                          !absl::StartsWith(object.path,
                                                            kWeights);
                                 }),
                  objects.end());
    if (objects.empty()) {
      return absl::NotFoundError(absl::StrCat(
          "the bucket ", source.bucket, " holds no ", source.prefix, kIndex,
          ": not a whole checkpoint, or no longer there"));
    }
  }
  if (const absl::Status status = CheckPaths(objects); !status.ok()) {
    return status;
  }
  if (objects.size() == 1) {
    return absl::NotFoundError(absl::StrCat("the bucket ", source.bucket,
                                            " holds nothing below ",
                                            source.prefix, kWeights));
  }
  std::sort(objects.begin(), objects.end(),
            [](const StoreObject& a, const StoreObject& b) {
              return a.path < b.path;
            });
  return objects;
}

std::string ObjectUrl(const CheckpointSource& source,
                      const StoreObject& object) {
  return absl::StrCat(source.base_url, "/", UrlEscape(source.bucket, false),
                      "/", UrlEscape(source.prefix, true),
                      UrlEscape(object.path, true),
                      "?generation=", object.generation);
}

}  // namespace polarize
