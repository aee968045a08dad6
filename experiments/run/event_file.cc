#include "experiments/run/event_file.h"

#include <unistd.h>

#include <array>
#include <cstddef>
#include <utility>
#include <variant>

#include "absl/crc/crc32c.h"
#include "absl/strings/str_format.h"

namespace polarize {
namespace {

constexpr size_t kHeadBytes = 12;  // length and its CRC

template <typename Integer>
void PutLittleEndian(Integer value, char* to) {
  for (size_t i = 0; i < sizeof(value); ++i) {
    to[i] = static_cast<char>(value >> (8 * i));
  }
}

std::string HostName() {
  std::array<char, 256> name = {};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') {
    return "localhost";
  }
  return name.data();
}

double SecondsSince1970(absl::Time time) {
  return absl::ToDoubleSeconds(time - absl::UnixEpoch());
}

using HyperParameter = TensorboardSessionStart::Value;

// Sets what a value's kind calls for.
struct SetHyperParameter {
  void operator()(bool value) const { to->set_truth(value); }
  void operator()(int64_t value) const {
    to->set_number(static_cast<double>(value));
  }
  void operator()(double value) const { to->set_number(value); }
  void operator()(const std::string& value) const { to->set_text(value); }

  HyperParameter* to;
};

}  // namespace

uint32_t MaskedCrc32c(absl::string_view bytes) {
  const uint32_t crc = static_cast<uint32_t>(absl::ComputeCrc32c(bytes));
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

std::string EventFileName(absl::Time start, absl::string_view host) {
  std::string safe(host);
  for (char& c : safe) {
    if (c == '/') c = '-';
  }
  // Ten digits, so that names sort by time.
  return absl::StrFormat("events.out.tfevents.%010d.%s",
                         absl::ToUnixSeconds(start), safe);
}

absl::StatusOr<EventFile> EventFile::Create(const std::string& folder,
                                            absl::Time start) {
  absl::StatusOr<AppendFile> file =
      AppendFile::Create(folder + "/" + EventFileName(start, HostName()),
                         AppendFile::Name::kInPlace);
  if (!file.ok()) return file.status();
  EventFile events(*std::move(file));
  events.event_.set_wall_time(SecondsSince1970(start));
  events.event_.set_file_version("brain.Event:2");
  absl::Status status = events.WriteRecord(events.event_);
  if (status.ok()) status = events.Flush();
  if (!status.ok()) return status;
  events.event_.clear_file_version();
  return events;
}

absl::Status EventFile::Write(int64_t step, absl::Time time,
                              absl::Span<const NamedValue> values) {
  event_.set_wall_time(SecondsSince1970(time));
  event_.set_step(step);
  // The messages and strings in it stay and are filled again.
  event_.mutable_summary()->clear_value();
  for (const NamedValue& value : values) {
    TensorboardSummary::Value* to = event_.mutable_summary()->add_value();
    to->mutable_tag()->assign(value.name.data(), value.name.size());
    to->set_simple_value(static_cast<float>(value.value));
  }
  return WriteRecord(event_);
}

absl::Status EventFile::StartSession(
    absl::Time time, absl::Span<const FlatValue> hyper_parameters) {
  TensorboardHyperParameters content;
  TensorboardSessionStart* const start = content.mutable_start();
  start->set_start_time(SecondsSince1970(time));
  for (const FlatValue& value : hyper_parameters) {
    TensorboardSessionStart::Entry* const entry = start->add_hyper_parameter();
    entry->set_key(value.key);
    std::visit(SetHyperParameter{entry->mutable_value()}, value.value);
  }
  return WriteHyperParameters(time, "_hparams_/session_start_info", content);
}

absl::Status EventFile::EndSession(absl::Time time,
                                   TensorboardSessionEnd::Status status) {
  TensorboardHyperParameters content;
  content.mutable_end()->set_status(status);
  content.mutable_end()->set_end_time(SecondsSince1970(time));
  return WriteHyperParameters(time, "_hparams_/session_end_info", content);
}

absl::Status EventFile::WriteHyperParameters(
    absl::Time time, const char* tag,
    const TensorboardHyperParameters& content) {
  // Not in event_, whose values are filled again and again.
  TensorboardEvent event;
  event.set_wall_time(SecondsSince1970(time));
  TensorboardSummary::Value* const value = event.mutable_summary()->add_value();
  value->set_tag(tag);
  TensorboardMetadata::Plugin* const plugin =
      value->mutable_metadata()->mutable_plugin();
  plugin->set_name("hparams");
  plugin->set_content(content.SerializeAsString());
  return WriteRecord(event);
}

absl::Status EventFile::WriteRecord(const TensorboardEvent& event) {
  const size_t bytes = event.ByteSizeLong();
  record_.resize(kHeadBytes + bytes + sizeof(uint32_t));
  char* const head = &record_[0];
  char* const payload = head + kHeadBytes;
  PutLittleEndian(uint64_t{bytes}, head);
  PutLittleEndian(MaskedCrc32c(absl::string_view(head, 8)), head + 8);
  event.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(payload));
  PutLittleEndian(MaskedCrc32c(absl::string_view(payload, bytes)),
                  payload + bytes);
  return file_.Append(record_);
}

}  // namespace polarize
