// Reading from a web server: one connection, kept open between requests.
#ifndef POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_HTTP_H_
#define POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_HTTP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "curl/curl.h"
#include "experiments/pretrained/fetch/retry.h"

namespace polarize {

struct HttpOptions {
  std::string ca_bundle;  // file of certificates; empty: the system's
  std::string token;      // sent as "Authorization: Bearer TOKEN" if not empty
  absl::Duration connect_timeout = absl::Seconds(30);
  // Ends a transfer that brings less than a byte a second for so long.
  absl::Duration stall_timeout = absl::Seconds(60);
  std::function<bool()> cancelled = [] { return false; };
};

// What is needed of a response's head.
struct HttpHead {
  int status = 0;
  absl::optional<uint64_t> length;  // Content-Length
  // Content-Range: bytes FIRST-LAST/TOTAL
  absl::optional<uint64_t> range_first;
  absl::optional<uint64_t> range_total;
  absl::optional<uint64_t> generation;  // x-goog-generation
  absl::optional<absl::Duration> retry_after;
};

// Takes a response with status 200 or 206. An error ends the transfer and
// becomes its result.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  virtual absl::Status Begin(const HttpHead& head) = 0;
  virtual absl::Status Take(absl::string_view bytes) = 0;
};

// Not thread-safe; each thread has its own.
class HttpClient {
 public:
  static absl::StatusOr<std::unique_ptr<HttpClient>> Create(
      const HttpOptions& options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Gets `url` (http or https; redirects are errors), from the byte
  // `first_byte` on if that is not 0. The status is Unavailable where trying
  // again may help (the connection fails or is cut, status 408, 429 and 5xx),
  // NotFound for 404, PermissionDenied for 401 and 403, OutOfRange for 416,
  // Cancelled, or the sink's. Errors name the address without its parameters.
  // A sink that began has got all bytes if and only if the status is OK.
  Attempt Get(const std::string& url, uint64_t first_byte, HttpSink& sink);

 private:
  struct Transfer;

  HttpClient(const HttpOptions& options, CURL* handle);
  static size_t Write(char* bytes, size_t size, size_t count, void* transfer);
  static int Watch(void* client, curl_off_t, curl_off_t, curl_off_t,
                   curl_off_t);
  // False when a setting is unknown to this libcurl: a broken invariant.
  bool SetUp();
  HttpHead Head() const;

  const HttpOptions options_;
  CURL* const handle_;
  curl_slist* headers_ = nullptr;
};

// A sink that keeps up to `max_bytes` in memory.
class HttpText : public HttpSink {
 public:
  explicit HttpText(size_t max_bytes) : max_bytes_(max_bytes) {}

  absl::Status Begin(const HttpHead& head) override;
  absl::Status Take(absl::string_view bytes) override;
  const std::string& text() const { return text_; }

 private:
  const size_t max_bytes_;
  std::string text_;
};

// `text` as it stands in one component of an address, or in a parameter; with
// `keep_slashes`, as a path.
std::string UrlEscape(absl::string_view text, bool keep_slashes);

}  // namespace polarize

#endif  // POLARIZE_EXPERIMENTS_PRETRAINED_FETCH_HTTP_H_
