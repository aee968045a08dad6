#include "experiments/pretrained/fetch/http.h"

#include <unistd.h>

#include <algorithm>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace polarize {
namespace {

constexpr long kBufferBytes = 256L << 10;

// Where Debian, Fedora, openSUSE and Alpine keep the certificates they trust.
constexpr const char* kCaBundles[] = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};

std::string CaBundle(const std::string& chosen) {
  if (!chosen.empty()) return chosen;
  for (const char* const path : kCaBundles) {
    if (access(path, R_OK) == 0) return path;
  }
  return "";
}

absl::string_view WithoutParameters(absl::string_view url) {
  return url.substr(0, url.find('?'));
}

absl::optional<uint64_t> Number(absl::string_view text) {
  uint64_t number;
  if (!absl::SimpleAtoi(text, &number)) return absl::nullopt;
  return number;
}

void ParseContentRange(absl::string_view value, HttpHead& head) {
  if (!absl::ConsumePrefix(&value, "bytes ")) return;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(value, absl::MaxSplits('/', 1));
  head.range_first = Number(parts.first.substr(0, parts.first.find('-')));
  head.range_total = Number(parts.second);  // "*": unknown
}

absl::Status StatusOfCode(int code, const std::string& what) {
  const std::string text = absl::StrCat(what, ": HTTP status ", code);
  switch (code) {
    case 401:
    case 403:
      return absl::PermissionDeniedError(text);
    case 404:
      return absl::NotFoundError(text);
    case 416:
      return absl::OutOfRangeError(text);
    case 408:
    case 429:
      return absl::UnavailableError(text);
    default:
      if (code >= 500 && code <= 599) return absl::UnavailableError(text);
      if (code >= 300 && code <= 399) {
        return absl::FailedPreconditionError(
            absl::StrCat(text, ", a redirect, which is not followed"));
      }
      return absl::FailedPreconditionError(text);
  }
}

absl::Status StatusOfCurl(CURLcode code, const char* detail,
                          const std::string& what) {
  // Some details end in a line end.
  const absl::string_view why = absl::StripAsciiWhitespace(detail);
  const std::string text =
      absl::StrCat(what, ": ", why.empty() ? curl_easy_strerror(code) : why);
  switch (code) {
    case CURLE_OK:
      return absl::OkStatus();
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
      return absl::UnavailableError(text);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return absl::FailedPreconditionError(absl::StrCat(
          text,
          " (--ca_bundle=FILE names the certificates to trust; on Debian the "
          "package ca-certificates brings them)"));
    default:
      return absl::FailedPreconditionError(text);
  }
}

}  // namespace

struct HttpClient::Transfer {
  Transfer(HttpClient* c, HttpSink* s) : client(c), sink(s) {}

  HttpClient* client;
  HttpSink* sink;
  bool begun = false;
  HttpHead head;
  absl::Status status;

  // Looks at the head before the first byte of the body, or at the end.
  void Begin() {
    if (begun) return;
    begun = true;
    head = client->Head();
    if (ForSink()) status = sink->Begin(head);
  }
  bool ForSink() const { return head.status == 200 || head.status == 206; }
};

absl::StatusOr<std::unique_ptr<HttpClient>> HttpClient::Create(
    const HttpOptions& options) {
  // The first call counts; it is safe in any thread.
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  CURL* const handle = global == CURLE_OK ? curl_easy_init() : nullptr;
  if (handle == nullptr) {
    return absl::InternalError("libcurl cannot be initialised");
  }
  std::unique_ptr<HttpClient> client =
      absl::WrapUnique(new HttpClient(options, handle));
  if (!client->SetUp()) {
    return absl::InternalError("libcurl lacks a setting");
  }
  return client;
}

HttpClient::HttpClient(const HttpOptions& options, CURL* handle)
    : options_(options), handle_(handle) {}

HttpClient::~HttpClient() {
  curl_easy_cleanup(handle_);
  curl_slist_free_all(headers_);
}

bool HttpClient::SetUp() {
  bool good = true;
  const auto set = [&](CURLoption option, auto value) {
    good = good && curl_easy_setopt(handle_, option, value) == CURLE_OK;
  };
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_USERAGENT, "polarize-fetch");
  set(CURLOPT_BUFFERSIZE, kBufferBytes);
  set(CURLOPT_WRITEFUNCTION, &HttpClient::Write);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &HttpClient::Watch);
  set(CURLOPT_XFERINFODATA, this);
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(absl::ToInt64Milliseconds(options_.connect_timeout)));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME,
      std::max(
          1L, static_cast<long>(absl::ToInt64Seconds(options_.stall_timeout))));
  const std::string bundle = CaBundle(options_.ca_bundle);
  if (!bundle.empty()) set(CURLOPT_CAINFO, bundle.c_str());
  if (!options_.token.empty()) {
    headers_ = curl_slist_append(
        headers_,
        absl::StrCat("Authorization: Bearer ", options_.token).c_str());
    set(CURLOPT_HTTPHEADER, headers_);
  }
  return good;
}

size_t HttpClient::Write(char* bytes, size_t size, size_t count,
                         void* transfer) {
  Transfer& t = *static_cast<Transfer*>(transfer);
  const size_t n = size * count;
  t.Begin();
  if (t.ForSink() && t.status.ok()) {
    t.status = t.sink->Take(absl::string_view(bytes, n));
  }
  // Fewer than n: an error, and the end of the transfer.
  return t.status.ok() ? n : 0;
}

int HttpClient::Watch(void* client, curl_off_t, curl_off_t, curl_off_t,
                      curl_off_t) {
  return static_cast<HttpClient*>(client)->options_.cancelled() ? 1 : 0;
}

HttpHead HttpClient::Head() const {
  HttpHead head;
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  head.status = static_cast<int>(status);
  const auto value = [&](const char* name) -> absl::string_view {
    curl_header* header;
    if (curl_easy_header(handle_, name, 0, CURLH_HEADER, -1, &header) !=
        CURLHE_OK) {
      return "";
    }
    return header->value;
  };
  head.length = Number(value("content-length"));
  head.generation = Number(value("x-goog-generation"));
  ParseContentRange(value("content-range"), head);
  head.retry_after = ParseRetryAfter(value("retry-after"), absl::Now());
  return head;
}

Attempt HttpClient::Get(const std::string& url, uint64_t first_byte,
                        HttpSink& sink) {
  Transfer transfer(this, &sink);
  char detail[CURL_ERROR_SIZE] = "";
  const std::string range =
      first_byte > 0 ? absl::StrCat(first_byte, "-") : std::string();
  curl_easy_setopt(handle_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle_, CURLOPT_RANGE,
                   range.empty() ? nullptr : range.c_str());
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, detail);
  const CURLcode code = curl_easy_perform(handle_);
  curl_easy_setopt(handle_, CURLOPT_ERRORBUFFER, nullptr);

  Attempt attempt;
  if (options_.cancelled()) {
    attempt.status = absl::CancelledError("interrupted");
    return attempt;
  }
  const std::string what(WithoutParameters(url));
  if (code == CURLE_OK) transfer.Begin();
  if (transfer.begun && !transfer.ForSink()) {
    attempt.status = StatusOfCode(transfer.head.status, what);
    attempt.retry_after = transfer.head.retry_after;
  } else if (!transfer.status.ok()) {
    attempt.status = transfer.status;
  } else {
    attempt.status = StatusOfCurl(code, detail, what);
  }
  return attempt;
}

absl::Status HttpText::Begin(const HttpHead&) {
  text_.clear();
  return absl::OkStatus();
}

absl::Status HttpText::Take(absl::string_view bytes) {
  if (bytes.size() > max_bytes_ - text_.size()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the server's answer has more than ", max_bytes_,
                     " bytes: not what was asked for"));
  }
  text_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

std::string UrlEscape(absl::string_view text, bool keep_slashes) {
  std::string escaped;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
        absl::StrContains("-._~", absl::string_view(&c, 1)) ||
        (keep_slashes && c == '/')) {
      escaped += c;
    } else {
      absl::StrAppendFormat(&escaped, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return escaped;
}

}  // namespace polarize
