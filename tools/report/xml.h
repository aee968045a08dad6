// The small part of XML that pictures are written in.
#ifndef POLARIZE_TOOLS_REPORT_XML_H_
#define POLARIZE_TOOLS_REPORT_XML_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace polarize {

// A start tag, an end tag or text. <x/> is a start and an end.
struct XmlEvent {
  enum Kind { kStart, kEnd, kText, kEndOfFile };
  Kind kind = kEndOfFile;
  std::string name;  // of the tag
  std::string text;  // entities resolved
  std::vector<std::pair<std::string, std::string>> attributes;
};

// Reads a text event by event. Tags match, or it is an error ("line N: RULE").
// Comments, processing instructions and a document type without declarations of
// its own are skipped; such declarations, which may define entities, are an
// error. So is anything nested deeper than 100.
class XmlReader {
 public:
  explicit XmlReader(absl::string_view text) : text_(text) {}

  absl::StatusOr<XmlEvent> Next();

 private:
  absl::Status Error(absl::string_view rule) const;
  bool Starts(absl::string_view start) const;
  // Goes behind the next `end`.
  absl::Status SkipBehind(absl::string_view end);
  void SkipSpaces();
  std::string Name();
  absl::StatusOr<std::string> Resolve(absl::string_view text) const;
  absl::StatusOr<XmlEvent> Tag();
  absl::StatusOr<XmlEvent> EndTag();
  absl::Status Attribute(XmlEvent& event);

  absl::string_view text_;
  size_t at_ = 0;
  std::vector<std::string> open_;
  bool ends_ = false;  // the last start tag was also an end
  bool had_root_ = false;
};

}  // namespace polarize

#endif  // POLARIZE_TOOLS_REPORT_XML_H_
